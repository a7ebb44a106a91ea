"""ComposedModel: backbone + adapter + tasks + preprocessing, and how it is put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zoo import registry
from zoo.artifact.manifest import Provenance
from zoo.errors import BadSetting, Incompatible, PluginError
from zoo.host import Provided, installed
from zoo.model.adapter import Adapter
from zoo.model.backbone import Backbone, Batch, NativeHead
from zoo.model.batches import batches
from zoo.model.task import Prediction, Task
from zoo.model.weights import Weights
from zoo.progress import Progress, Silent
from zoo.specs import BackboneSpec, check_settings


class ComposedModel(nn.Module):
    """A backbone with an adapter attached and one head per task.

    Args:
        backbone: fresh from its loader; it becomes part of this model.
        adapter: is attached here.
        tasks: at least one, with different names.
        pooling: how tokens become one vector; by default the backbone's own choice for frozen
            features, or the one its library's head sits on where the backbone is trained.
        seed: initialises what is new.

    Attributes:
        provenance: how the model came about, where it was saved or loaded; travels with it.
        license: of the model itself, where its author chose one.
        accepted_licenses: of the backbone or the data, contradicted by ``license`` with its
            author's word for it.
    """

    def __init__(
        self,
        backbone: Backbone,
        adapter: Adapter,
        tasks: Sequence[Task],
        *,
        pooling: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.adapter = adapter
        self.tasks = {task.name: task for task in tasks}
        self.provenance: Provenance | None = None
        self.license: str | None = None
        self.accepted_licenses: tuple[str, ...] = ()
        self._require_fit(tasks)
        if pooling is None and adapter.trains_backbone and len(tasks) == 1:
            pooling = backbone.native_pooling
        if pooling is not None:
            backbone.pool_by(pooling)
        bias = self.native_head.bias if self.native_head else True
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            adapter.attach(backbone)
            self.heads = nn.ModuleDict(
                {name: t.head(backbone.feature_size, bias=bias) for name, t in self.tasks.items()}
            )
        self.eval()

    @property
    def native_head(self) -> NativeHead | None:
        """The base library's own place for this model's head; ``None`` with several heads."""
        return self.backbone.native_head if len(self.tasks) == 1 else None

    @property
    def task(self) -> Task:
        """The one task.

        Raises:
            BadSetting: there are several.
        """
        if len(self.tasks) > 1:
            raise BadSetting(f"Which task? This model has {', '.join(self.tasks)}.")
        return next(iter(self.tasks.values()))

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    def trainable(self) -> dict[str, nn.Parameter]:
        """The parameters that training changes, by name."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Logits of a preprocessed batch, by task."""
        features = self.backbone(batch)
        return {name: head(features.pooled) for name, head in self.heads.items()}

    def train(self, mode: bool = True) -> ComposedModel:
        """Heads and the adapter's own modules switch; the frozen backbone stays in evaluation."""
        super().train(mode)
        self.backbone.eval()
        self.adapter.train(self.backbone, mode)
        return self

    @torch.inference_mode()
    def logits(
        self,
        samples: Sequence[Any],
        *,
        batch_size: int = 32,
        progress: Progress | None = None,
        stage: str = "predicting",
    ) -> dict[str, Tensor]:
        """Logits of raw or preprocessed samples, ``[len(samples), …]`` by task, on the CPU."""
        was_training = self.training
        self.eval()
        found: dict[str, list[Tensor]] = {name: [] for name in self.tasks}
        order: list[int] = []
        with (progress or Silent()).stage(stage, len(samples)) as advance:
            for positions, batch in batches(samples, self.backbone.preprocess, batch_size):
                on_device = {key: value.to(self.device) for key, value in batch.items()}
                for name, rows in self(on_device).items():
                    found[name].append(rows.float().cpu())
                order.extend(positions)
                advance(len(positions))
        self.train(was_training)
        back = torch.tensor(order).argsort()
        return {name: torch.cat(parts)[back] for name, parts in found.items() if parts}

    def predict(
        self, inputs: Sequence[Any], *, task: str | None = None, batch_size: int = 32
    ) -> list[Prediction]:
        """Predictions for image files, ``PIL.Image`` objects or texts, in order.

        Raises:
            UnreadableFiles, ContractViolation: an input is not what the backbone takes.
        """
        from zoo.data.samples import Samples

        samples = Samples(inputs, self.backbone.contract)
        chosen = self.tasks[task] if task is not None else self.task
        logits = self.logits(samples, batch_size=batch_size)
        return chosen.decode(logits[chosen.name]) if len(samples) else []

    def heads_layout(self) -> dict[str, Tensor]:
        """The heads' live tensors under native names where there is one head with a native place."""
        native = self.native_head
        return {
            f"{native.name if native else name}.{key}": tensor
            for name, head in self.heads.items()
            for key, tensor in head.state_dict().items()
        }

    def _require_fit(self, tasks: Sequence[Task]) -> None:
        if not tasks or len(self.tasks) != len(tasks):
            raise BadSetting("A composed model needs tasks with different names, at least one.")
        for task in tasks:
            # Heads are submodules under the names of their tasks.
            if not task.name or "." in task.name or hasattr(nn.ModuleDict, task.name):
                raise BadSetting(
                    f"A task cannot be called {task.name!r}.",
                    hint="Use letters, digits, - and _, and no name that torch uses.",
                )
            modality = self.backbone.contract.modality
            if task.spec.modalities and modality not in task.spec.modalities:
                raise Incompatible(
                    f"{task.spec.name} works on {' and '.join(task.spec.modalities)}; "
                    f"{self.backbone.spec.name} takes {modality}.",
                    hint="`zoo tasks` lists what each task works on.",
                )


def load_backbone(
    name: str, *, weights: Path | None = None, revision: str | None = None, pretrained: bool = True
) -> Backbone:
    """Load a backbone by name or alias.

    Args:
        name: ``namespace:name`` or an alias.
        weights: a folder to take the weights from, before anything else.
        revision: branch, tag or commit, where the weights come from a Hub.
        pretrained: ``False`` gives the same architecture with random weights.

    Raises:
        UnknownName, NameClash: no plugin, or two, provide it.
        WeightsNotFound: the weights are nowhere to be had.
        PluginError: the plugin's loader broke.
    """
    return load_spec(
        registry.load().backbone(installed(), name), Weights(weights, revision, pretrained)
    )


def load_spec(provided: Provided[BackboneSpec], weights: Weights) -> Backbone:
    """Load the backbone that a spec describes; raises as :func:`load_backbone`."""
    backbone = installed().make(provided, provided.spec, weights)
    if not isinstance(backbone, Backbone):
        raise PluginError(
            f"{provided.plugin.origin}: the loader of {provided.spec.name} returned "
            f"{type(backbone).__name__}, not a Backbone."
        )
    backbone.reload = lambda pretrained: load_spec(
        provided, replace(weights, pretrained=pretrained)
    )
    return backbone


def make_task(
    kind: str, *, labels: Sequence[str], name: str | None = None, **settings: object
) -> Task:
    """A task by name, e.g. ``zoo.task("classification", labels=["ants", "bees"])``.

    Raises:
        UnknownName, NameClash: no plugin, or two, provide it.
        BadSetting: a setting it does not have.
    """
    provided = installed().task(kind)
    checked = check_settings(kind, provided.spec.settings, settings)
    made = installed().make(provided, provided.spec, labels, checked, name or kind)
    if not isinstance(made, Task):
        raise PluginError(f"{provided.plugin.origin}: {kind!r} is not a Task.")
    return made


def make_adapter(kind: str, settings: Mapping[str, object] | None = None) -> Adapter:
    """An adapter by name, e.g. ``zoo.adapter("lora", {"rank": 4})``; raises as :func:`make_task`."""
    provided = installed().adapter(kind)
    checked = check_settings(kind, provided.spec.settings, settings or {})
    made = installed().make(provided, provided.spec, checked)
    if not isinstance(made, Adapter):
        raise PluginError(f"{provided.plugin.origin}: {kind!r} is not an Adapter.")
    return made


def compose(
    backbone: str | Backbone,
    adapter: str | Adapter,
    tasks: Task | Sequence[Task],
    *,
    weights: Path | None = None,
    revision: str | None = None,
    pooling: str | None = None,
    seed: int = 0,
) -> ComposedModel:
    """Put a backbone, an adapter and one or more tasks together.

    Args:
        backbone: a name, or a loaded backbone, which becomes part of the model.
        adapter: a name, or an adapter made with its settings.
        tasks: what to predict.
        weights, revision: as for :func:`load_backbone`, where ``backbone`` is a name.
        pooling: how tokens become one vector, where not the backbone's default.
        seed: initialises what is new.

    Raises:
        Incompatible: the parts do not fit each other.
    """
    base = (
        load_backbone(backbone, weights=weights, revision=revision)
        if isinstance(backbone, str)
        else backbone
    )
    made = make_adapter(adapter) if isinstance(adapter, str) else adapter
    several = [tasks] if isinstance(tasks, Task) else tasks
    return ComposedModel(base, made, several, pooling=pooling, seed=seed)
