"""What is being fitted, kept with its checkpoints so that nothing else is gone on with."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from zoo.artifact import atomic
from zoo.data.dataset import Dataset
from zoo.errors import CheckpointInvalid, CheckpointMismatch
from zoo.model import ComposedModel
from zoo.training.config import FitConfig
from zoo.training.versions import versions

REQUEST = "request.json"
FORMAT = 2


class Request(BaseModel):
    """One fit, as far as its result depends on it.

    Attributes:
        format: of the checkpoints beside it.
        model: backbone, digest of its tensors, adapter, task, all settings, pooling.
        data: fingerprint, and rows and labels of each split in their order.
        training: the resolved configuration.
        versions: of zoo and the libraries.
        words: what was typed after ``zoo fit``, paths absolute; ``None`` for a fit begun in Python.
    """

    model_config = ConfigDict(extra="forbid")

    format: int = FORMAT
    model: dict[str, Any]
    data: dict[str, Any]
    training: dict[str, Any]
    versions: dict[str, str]
    words: list[str] | None = None

    @classmethod
    def of(
        cls,
        model: ComposedModel,
        dataset: Dataset,
        config: FitConfig,
        words: Sequence[str] | None = None,
        adaptation: Mapping[str, Any] | None = None,
    ) -> Request:
        """What is asked for now."""
        return cls(
            model=_plain(_describe(model)),
            data=_plain(_data(dataset)),
            # Where parameters are held changes no result, so a fit may go on with them elsewhere.
            training={
                **config.model_dump(mode="json", exclude={"sharded"}),
                **_plain(dict(adaptation or {})),
            },
            versions=versions(),
            words=None if words is None else list(words),
        )

    def write(self, folder: Path) -> None:
        """Write ``folder/request.json``, whole or not at all."""
        aside = folder / f".{REQUEST}"
        aside.unlink(missing_ok=True)
        atomic.write(aside, self.model_dump_json(indent=2).encode())
        aside.replace(folder / REQUEST)

    def require_same(self, now: Request) -> list[str]:
        """Refuse to go on with anything else; returns what a person should know.

        Raises:
            CheckpointMismatch: model, data or training differ.
        """
        for part, words in (("model", "model"), ("data", "data set"), ("training", "training")):
            difference = _difference(getattr(self, part), getattr(now, part))
            if difference:
                raise CheckpointMismatch(
                    f"The checkpoint is of another {words}: {difference}.",
                    hint="Go on as it was begun, or begin anew with `--overwrite`.",
                )
        changed = [
            f"{name} {version} (now {now.versions[name]})"
            for name, version in self.versions.items()
            if now.versions.get(name, version) != version
        ]
        if not changed:
            return []
        return [f"Begun with {', '.join(changed)}: the last digits may differ."]


def read_request(folder: Path) -> Request:
    """Read ``folder/request.json``.

    Raises:
        CheckpointInvalid: it is damaged, or a later zoo wrote it.
    """
    path = folder / REQUEST
    anew = "Begin the fit again, with `--overwrite`."
    try:
        content = json.loads(path.read_bytes())
        found = content["format"]
        if found != FORMAT:
            raise CheckpointInvalid(
                f"{path} has format {found}; this zoo knows {FORMAT}.",
                hint=f"Go on with the zoo that began it, or: {anew}",
            )
        return Request.model_validate(content)
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as err:
        reason = " ".join(str(err).split())[:200]
        raise CheckpointInvalid(f"{path} is damaged: {reason}.", hint=anew) from err


def _describe(model: ComposedModel) -> dict[str, Any]:
    return {
        "backbone": model.backbone.spec.name,
        "weights": model.backbone.digest,
        "pooling": model.backbone.pooling,
        "adapter": model.adapter.spec.name,
        "adapter_settings": model.adapter.settings,
        "tasks": {name: [task.spec.name, task.settings] for name, task in model.tasks.items()},
        "labels": {name: list(task.labels) for name, task in model.tasks.items()},
        "trained": {name: list(p.shape) for name, p in model.trainable().items()},
    }


def _data(dataset: Dataset) -> dict[str, Any]:
    order = hashlib.sha256()
    for name, split in sorted(dataset.splits.items()):
        order.update(json.dumps([name, *map(str, split.labels)]).encode())
    return {
        "rows": dict(dataset.rows),
        "fingerprint": dataset.fingerprint,
        "order": order.hexdigest(),
    }


def _plain(data: Any) -> Any:
    """As it is when it comes back from JSON."""
    return json.loads(json.dumps(data, default=str))


def _difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    """The first thing that differs, in words; empty where nothing does."""
    for name in {**before, **now}:
        if before.get(name) != now.get(name):
            return f"{name} was {_short(before.get(name))} and is {_short(now.get(name))}"
    return ""


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _short(value: Any) -> str:
    text = f"{value[:12]}…" if _is_digest(value) else json.dumps(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
