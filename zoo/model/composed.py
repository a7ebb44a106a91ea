"""ComposedModel: backbone + adapter + tasks + preprocessing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.artifact.manifest import Provenance
from zoo.data.samples import Samples
from zoo.errors import BadSetting, Incompatible
from zoo.model.adapter import Adapter
from zoo.model.backbone import Backbone, Batch
from zoo.model.batches import batches
from zoo.model.language import Tell
from zoo.model.native import NativeHead
from zoo.model.per_task import PerTask, branched
from zoo.model.prediction import Prediction
from zoo.model.preprocess import Preprocess
from zoo.model.products import quick_products
from zoo.model.task import Task
from zoo.progress import Progress, Silent
from zoo.specs import misfit, works_on


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
        learned_weights: of the tasks' losses, while they are learned with the model.
        companion: is trained beside the model for its teaching, see :meth:`Adapter.companion`.
        branches: where tasks have adapters of their own, the backbone with each attached.
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
        self.learned_weights: nn.Parameter | None = None
        self.companion: nn.Module | None = None
        self._require_fit(tasks)
        if pooling is None and adapter.trains_backbone and len(tasks) == 1:
            pooling = backbone.native_pooling
        if pooling is not None:
            backbone.pool_by(pooling)
        backbone.pooled_only = self.reads_pooled
        native = backbone.native_head if len(tasks) == 1 else None
        bias = native.bias if native else True
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            adapter.attach(backbone)
            own = adapter.branches if isinstance(adapter, PerTask) else {}
            self.branches = nn.ModuleDict(own)
            self.heads = nn.ModuleDict(
                {
                    name: task.head(task.feature_size(backbone), bias=bias)
                    for name, task in self.tasks.items()
                }
            )
        self.eval()

    @property
    def native_head(self) -> NativeHead | None:
        """The base library's own place for this model's head, where that is such a classifier."""
        if len(self.tasks) > 1:
            return None
        (name, task), size = *self.tasks.items(), self.backbone.feature_size
        head = self.heads[name]
        if not isinstance(head, nn.Linear) or not self.reads_pooled:
            return None
        fits = (head.in_features, head.out_features) == (size, len(task.labels))
        return self.backbone.native_head if fits else None

    def sample(self, sample: Any) -> Any:
        """A raw sample of the tasks, made of one of the backbone's."""
        return next(iter(self.tasks.values())).sample(sample)

    @property
    def language(self) -> str:
        """The kind of language head that it uses of its backbone; empty where it has heads of its own."""
        return self.backbone.language

    @property
    def reads_pooled(self) -> bool:
        """Whether every head sits on what the backbone pools of one of its own samples."""
        return all(task.reads_pooled for task in self.tasks.values())

    @property
    def preprocess(self) -> Preprocess:
        """What turns the tasks' raw samples into tensors."""
        made = self.backbone.preprocess
        for task in self.tasks.values():
            made = task.preprocess(made)
        return made

    @property
    def computed(self) -> Sequence[Backbone]:
        """What features come from: the backbone, or the branches of the tasks."""
        own = self.adapter.branches if isinstance(self.adapter, PerTask) else {}
        return list(own.values()) or [self.backbone]

    @property
    def task(self) -> Task:
        """The one task.

        Raises:
            BadSetting: there are several.
        """
        if len(self.tasks) > 1:
            raise BadSetting(
                f"Which task? This model has {', '.join(self.tasks)}.",
                hint=f"Name one, e.g. `--task {next(iter(self.tasks))}`.",
            )
        return next(iter(self.tasks.values()))

    def chosen(self, name: str | None) -> Task:
        """The task of that name, or the one there is.

        Raises:
            BadSetting: there is none of that name, or there are several and none is named.
        """
        if name is None:
            return self.task
        if name not in self.tasks:
            raise BadSetting(f"This model has no task {name!r}; it has {', '.join(self.tasks)}.")
        return self.tasks[name]

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    def trainable(self) -> dict[str, nn.Parameter]:
        """The parameters that training changes, by name."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def forward(self, batch: Batch, asked: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Logits of a preprocessed batch, by task; one pass of a shared backbone serves all.

        Args:
            batch: as the tasks' preprocessing gives it.
            asked: the tasks that matter and for each the rows that do, ``[batch]``. What else need
                not be computed, as where a task has an adapter of its own, is left out or zero.
        """
        if isinstance(self.adapter, PerTask):
            return branched(self.adapter.branches, dict(self.heads.items()), batch, asked)
        features = self.backbone(batch)
        return {
            name: head(self.tasks[name].select(features, batch))
            for name, head in self.heads.items()
            if asked is None or name in asked
        }

    def train(self, mode: bool = True) -> ComposedModel:
        """Heads and the adapter's own modules switch; the frozen backbone stays in evaluation."""
        super().train(mode)
        self.backbone.eval()
        self.adapter.train(self.backbone, mode)
        return self

    def logits(
        self,
        samples: Sequence[Any],
        *,
        batch_size: int = 32,
        progress: Progress | None = None,
        stage: str = "predicting",
        tasks: Sequence[str] | None = None,
    ) -> dict[str, Tensor]:
        """Logits of raw or preprocessed samples, ``[len(samples), …]`` by task, on the CPU.

        Of all tasks, or of some by name. Where inputs have several units, rows of fewer end in zeros.
        """
        was_training = self.training
        self.eval()
        found: dict[str, list[Tensor]] = {name: [] for name in tasks or self.tasks}
        order: list[int] = []
        with (
            (progress or Silent()).stage(stage, len(samples)) as advance,
            torch.inference_mode(),
            quick_products(),
        ):
            for positions, batch in batches(
                samples, self.preprocess, batch_size, device=self.device
            ):
                on_device = {key: value.to(self.device) for key, value in batch.items()}
                every = torch.ones(len(positions), dtype=torch.bool, device=self.device)
                for name, rows in self(on_device, dict.fromkeys(found, every)).items():
                    found[name].append(rows.float().cpu())
                order.extend(positions)
                advance(len(positions))
        self.train(was_training)
        back = torch.tensor(order).argsort()
        return {name: _joined(parts)[back] for name, parts in found.items() if parts}

    def answers(
        self,
        samples: Sequence[Any],
        tasks: Sequence[Task],
        *,
        batch_size: int = 32,
        tell: Tell | None = None,
    ) -> dict[str, list[Prediction]]:
        """What each of the tasks says of raw samples, by its name; the backbone reads them once.

        Args:
            samples: without labels.
            tasks: of this model.
            batch_size: samples at a time.
            tell: of a task that makes texts, is given each piece as it is made.
        """
        if self.language:
            (task,) = tasks
            with quick_products():
                said = task.answers(self.backbone, samples, batch_size=batch_size, tell=tell)
            return {task.name: said}
        names = [task.name for task in tasks]
        logits = self.logits(samples, batch_size=batch_size, tasks=names)
        return {task.name: task.predictions(logits[task.name], samples) for task in tasks}

    def samples(self, inputs: Sequence[Any], *, convert: bool = False) -> Samples:
        """Raw samples from image files, ``PIL.Image`` objects, texts or pairs, as the tasks take them."""
        each = next(iter(self.tasks.values())).labelling.inputs
        return Samples(inputs, self.backbone.contract, convert, each)

    def predict(
        self, inputs: Sequence[Any], *, task: str | None = None, batch_size: int = 32
    ) -> list[Prediction]:
        """Predictions for image files, ``PIL.Image`` objects, texts or pairs of them, in order.

        Raises:
            UnreadableFiles, ContractViolation: an input is not what the backbone takes.
        """
        samples = self.samples(inputs)
        chosen = self.chosen(task)
        if not len(samples):
            return []
        return self.answers(samples, [chosen], batch_size=batch_size)[chosen.name]

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
            works_on(task.spec, self.backbone.contract.modality, self.backbone.spec.name)
            _require_language(self.backbone, self.adapter, task)
            if task.labelling.inputs != tasks[0].labelling.inputs:
                raise Incompatible(
                    f"{task.name} takes {task.labelling.inputs} inputs at a time and "
                    f"{tasks[0].name} takes {tasks[0].labelling.inputs}; one model cannot have both."
                )
            task.require(self.backbone)


def _require_language(backbone: Backbone, adapter: Adapter, task: Task) -> None:
    wanted = task.spec.language
    if why := misfit(task.spec, adapter.spec):
        raise Incompatible(
            why,
            hint="Train the backbone, e.g. `--adapter lora` or `--adapter finetune`.",
        )
    if wanted != backbone.language:
        has = f"a {backbone.language} one" if backbone.language else "none"
        raise Incompatible(
            f"{task.spec.name} needs {f'a {wanted}' if wanted else 'no'} language head; "
            f"{backbone.spec.name} was loaded with {has}.",
            hint="Give the backbone by name, or load it with `language=...`: only transformers "
            "models have such heads."
            if wanted
            else "Load the backbone without one.",
        )


def _joined(parts: Sequence[Tensor]) -> Tensor:
    """Rows of several batches; units are filled up with zeros to the most there are."""
    if parts[0].ndim > 2:
        most = max(part.shape[1] for part in parts)
        parts = [functional.pad(part, (0, 0, 0, most - part.shape[1])) for part in parts]
    return torch.cat(list(parts))
