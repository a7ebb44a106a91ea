"""The options of a fit, checked. What a person leaves open, the adapter's own defaults fill."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from zoo.errors import BadSetting

# Of a fit of one task beside which there were others.
ALONE: Mapping[str, Any] = {
    "baselines": (),
    "mixing": "proportional",
    "weighting": "fixed",
    "task_weights": {},
}


class FitConfig(BaseModel):
    """How a model is trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int | None = Field(None, ge=1, le=100_000)  # None: see epochs_for
    batch_size: int = Field(32, ge=1, le=65_536)
    lr: float = Field(1e-3, gt=0, le=10)
    micro_batch: int | None = Field(None, ge=1, le=65_536)  # rows computed at a time within a step
    weight_decay: float = Field(0.01, ge=0, le=10)
    schedule: Literal["cosine", "one-cycle", "linear", "constant"] = "cosine"
    warmup: float = Field(0.1, ge=0, le=1)  # share of all steps
    average: Literal["none", "ema", "swa"] = "none"  # of the weights; see zoo.training.averaging
    ema_decay: float = Field(0.99, gt=0, lt=1)
    balance: Literal["none", "sampler"] = "none"  # of classes: each drawn as often
    mixing: Literal["proportional", "equal", "temperature"] = "proportional"  # of tasks
    mix_temperature: float = Field(2.0, ge=1, le=1000)  # 1 is proportional, much is equal
    weighting: Literal["fixed", "uncertainty", "gradnorm"] = "fixed"  # of the losses of tasks
    gradnorm_alpha: float = Field(1.5, ge=0, le=100)  # how much harder a task may pull that lags
    task_weights: dict[str, Annotated[float, Field(ge=0, le=1e6)]] = Field(
        default_factory=dict
    )  # of a task's loss, by name
    gradient_checkpointing: bool = False  # less memory, more time
    sharded: bool = False  # parameters in parts of several processes; see zoo.training.sharding
    compile: bool = False  # trained blocks, by torch; see zoo.training.compiled
    patience: int = Field(3, ge=1)  # epochs without a better validation before stopping
    clip: float = Field(1.0, gt=0)  # largest norm of the gradient
    precision: Literal["no", "bf16", "fp16"] = "no"  # as accelerate names them
    augment: Literal["none", "crop", "mild"] = "none"  # of images; see zoo.data.augment
    views: int = Field(0, ge=0, le=1000)  # of each image, in turn; 0: another one in each epoch
    seed: int = Field(0, ge=0, lt=2**32)
    checkpoint_minutes: float = Field(5.0, gt=0)  # within an epoch
    checkpoint_steps: int = Field(0, ge=0)  # also after every so many steps; 0: by time alone
    baselines: tuple[Literal["majority", "probe", "scratch", "twins", "curve"], ...] = (
        "majority",
        "probe",
    )

    @field_validator("task_weights", mode="before")
    @classmethod
    def _as_written(cls, value: Any) -> Any:
        """A list of ``name=number``, as files have it, is a mapping too."""
        if isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
            return dict(one.partition("=")[::2] for one in value)
        return value

    def epochs_for(self, steps: int) -> int:
        """How many epochs to train where one has so many steps; of several tasks, with rows of one.

        Where nothing was said: as many as make about 500 steps, but from 3 to 20. Little data
        needs more epochs than the usual three (Mosbach et al. 2021, arXiv:2006.04884).
        """
        return self.epochs or min(20, max(3, round(500 / steps)))

    @property
    def of_several_tasks(self) -> str:
        """The first option that says something of several tasks; empty where none does."""
        if "twins" in self.baselines:
            return "baseline=twins"
        odd = (n for n, usual in ALONE.items() if n != "baselines" and getattr(self, n) != usual)
        return next((f"{name}={getattr(self, name)}" for name in odd), "")

    @classmethod
    def resolve(cls, adapter: Mapping[str, Any], given: Mapping[str, Any]) -> FitConfig:
        """The defaults here, under the adapter's, under what was given.

        Raises:
            BadSetting: an option that does not exist, or a value outside its bounds.
        """
        chosen = {k: v for k, v in given.items() if v is not None}
        try:
            return cls.model_validate({**adapter, **chosen})
        except ValidationError as err:
            first = err.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            if first["type"] == "extra_forbidden":
                near = difflib.get_close_matches(name, cls.model_fields, n=1)
                raise BadSetting(
                    f"There is no training option {name!r}."
                    + (f" Did you mean {near[0]!r}?" if near else ""),
                    hint=f"Options: {', '.join(cls.model_fields)}.",
                ) from err
            raise BadSetting(
                f"Training option {name}={first.get('input')!r}: {first['msg'].lower()}.",
                hint=f"Options: {', '.join(cls.model_fields)}.",
            ) from err
