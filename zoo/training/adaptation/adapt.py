"""What is asked of an adaptation, and the candidates that come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import registry
from zoo.errors import BadSetting
from zoo.host import installed
from zoo.report.adaptation import SOURCE_ONLY, Candidate
from zoo.training.config import FitConfig

if TYPE_CHECKING:
    from zoo.model import ComposedModel

_RATES = (1.0, 0.3, 3.0, 0.1, 10.0)  # factors on the learning rate, of source-only candidates
# Of the adapter's learning rate. Every candidate sets out from a solved head, which is to be moved and
# not lost; of Ganin et al.'s and Long et al.'s networks what is not new has a tenth of the rate.
_SLOWER = 0.3


@dataclass(frozen=True)
class Adapt:
    """How to adapt to a target.

    Attributes:
        target: where it is.
        align: an alignment's name.
        settings: of the alignment; a candidate differs in those that are not given.
        validator: its name; by default the registry's.
        watched: validators whose scores are recorded too, and choose nothing.
        tries: how many candidates to train with the alignment, and as many without; by default as
            many as it has tries.
        labelled: where a few labelled rows of the target are, to be trained on too.
        unlabelled: the target has no labels.
        reading: how the target is read: ``input_column``, ``label_column``, ``skip_bad``, ``convert``.
    """

    target: str | Path
    align: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    validator: str | None = None
    watched: Sequence[str] = ()
    tries: int | None = None
    labelled: str | Path | None = None
    unlabelled: bool = False
    reading: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """What its result depends on besides the target's rows."""
        return {
            "align": self.align,
            "settings": dict(self.settings),
            "validator": self.chosen_validator(),
            "tries": self.tries,
        }

    def chosen_validator(self) -> str:
        """The validator's name.

        Raises:
            BadSetting: none is given, and the registry names none.
        """
        name = self.validator or registry.load().defaults.validator
        if not name:
            raise BadSetting("Which validator? The registry names none.", hint="Give --validator.")
        return name


def defaults_for(adapt: Adapt | None, model: ComposedModel) -> dict[str, Any]:
    """Defaults of training: the adapter's, for a target by way of those of the alignment."""
    adapter = model.adapter.spec.training
    if adapt is None:
        return {**adapter, **model.adapter.training(model.backbone)}
    rate = adapter.get("lr", FitConfig.model_fields["lr"].default)
    own = installed().alignment(adapt.align).spec.training
    return {**adapter, "lr": _SLOWER * rate, **own}


def candidates_of(adapt: Adapt, config: FitConfig) -> list[Candidate]:
    """What is trained: as many without the alignment as with it.

    Those with it differ in its settings, those without in the learning rate, the first of each having
    the defaults.

    Raises:
        BadSetting: more are asked for than there are.
    """
    spec = installed().alignment(adapt.align).spec
    ways: list[dict[str, Any]] = []
    for settings in spec.tries or ({},):
        left = {name: value for name, value in settings.items() if name not in adapt.settings}
        if left not in ways:
            ways.append(left)
    wanted = min(len(ways), len(_RATES)) if adapt.tries is None else adapt.tries
    if not 1 <= wanted <= min(len(ways), len(_RATES)):
        raise BadSetting(
            f"tries={wanted}: {adapt.align} has {min(len(ways), len(_RATES))} candidates to try.",
            hint="Leave --tries out to try all of them.",
        )
    return [
        *(Candidate(method=SOURCE_ONLY, lr=config.lr * rate) for rate in _RATES[:wanted]),
        *(Candidate(method=adapt.align, settings=way, lr=config.lr) for way in ways[:wanted]),
    ]
