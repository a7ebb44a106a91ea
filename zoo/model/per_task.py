"""One adapter a task on one frozen backbone: what is trained of each task touches no other.

Each task has a branch: the backbone's modules once more, over the very tensors of the backbone, with
an adapter of its own attached. So whatever adapter leaves the backbone's weights alone will do, and
they are in memory once.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from zoo.errors import Incompatible
from zoo.model.adapter import Adapter, Layout, ParameterGroup
from zoo.model.backbone import Backbone, Batch
from zoo.model.native import NativeHead

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,39}")  # files of an artifact begin with it


class PerTask(Adapter):
    """An adapter of the same kind and settings for each task.

    Args:
        adapter: not attached; each task gets its like.
        names: of the tasks.

    Attributes:
        branches: a backbone with the adapter attached for each task.

    Raises:
        Incompatible: the adapter trains nothing in the backbone, or a task's name is no beginning of
            a file name.
    """

    def __init__(self, adapter: Adapter, names: Sequence[str]) -> None:
        super().__init__(adapter.spec, adapter.settings)
        if len(names) < 2:
            raise Incompatible(
                "An adapter for each task needs several tasks.",
                hint="Leave out `--adapter-per-task`.",
            )
        if not adapter.trains_backbone:
            raise Incompatible(
                f"{adapter.spec.name} trains heads alone, and each task has its own already.",
                hint="Leave out `--adapter-per-task`.",
            )
        if odd := [name for name in names if not _NAME.fullmatch(name)]:
            raise Incompatible(
                f"With an adapter of its own a task cannot be called {odd[0]!r}.",
                hint="Use letters, digits, - and _, at most 40.",
            )
        if len({name.lower() for name in names}) != len(names):
            raise Incompatible(
                "Two tasks with adapters of their own differ in name by case alone.",
                hint="Files cannot be told apart so everywhere; use other names.",
            )
        self._each = {name: type(adapter)(adapter.spec, adapter.settings) for name in names}
        self.branches: dict[str, Backbone] = {}

    def attach(self, backbone: Backbone) -> None:
        """Make the branches.

        Raises:
            Incompatible: the adapter has nothing to sit on, or trains the backbone's own weights.
        """
        own = {id(p): name for name, p in backbone.named_parameters()}
        for name, adapter in self._each.items():
            branch = sharing(backbone)
            adapter.attach(branch)
            trained = [own[id(p)] for p in branch.parameters() if p.requires_grad and id(p) in own]
            if trained:
                backbone.requires_grad_(False)
                raise Incompatible(
                    f"{adapter.spec.name} trains the backbone's own weights, which the tasks share.",
                    hint="Leave out `--adapter-per-task`, or choose an adapter that stands beside "
                    "them, e.g. `--adapter lora`.",
                )
            self.branches[name] = branch
        # Some adapters take room of the longest input; all take the same.
        backbone.preprocess, backbone.contract = branch.preprocess, branch.contract
        self.settings = dict(adapter.settings)  # with what was chosen for the backbone

    def train(self, backbone: Backbone, mode: bool) -> None:
        """Each adapter's own modules."""
        for name, branch in self.branches.items():
            branch.eval()
            self._each[name].train(branch, mode)

    def groups(
        self, backbone: Backbone, heads: Mapping[str, nn.Module]
    ) -> Sequence[ParameterGroup]:
        """Those of each with its head."""
        return [
            group
            for name, branch in self.branches.items()
            for group in self._each[name].groups(branch, {name: heads[name]})
        ]

    def start_epoch(self, backbone: Backbone, epoch: int, epochs: int) -> None:
        """Each."""
        for name, branch in self.branches.items():
            self._each[name].start_epoch(branch, epoch, epochs)

    def penalty(self, backbone: Backbone) -> Tensor | None:
        """The sum of all."""
        terms = [self._each[name].penalty(branch) for name, branch in self.branches.items()]
        there = [term for term in terms if term is not None]
        return torch.stack(there).sum() if there else None

    def merge(self, backbone: Backbone) -> None:
        """Never: the tasks share one backbone.

        Raises:
            Incompatible: always.
        """
        raise Incompatible(
            "Adapters of tasks of their own cannot be merged into the one backbone they share.",
            hint="Fit each task by itself, and merge that.",
        )

    def stock_code(self) -> tuple[tuple[str, ...], str] | None:
        """As of one: each is opened by itself."""
        return next(iter(self._each.values())).stock_code()

    def layout(
        self, backbone: Backbone, heads: Mapping[str, nn.Module], native: NativeHead | None
    ) -> Layout:
        """Every adapter's files, the task's name before theirs."""
        found = {
            name: self._each[name].layout(branch, {name: heads[name]}, None)
            for name, branch in self.branches.items()
        }
        return Layout(
            tensors={
                f"{n}.{file}": t for n, own in found.items() for file, t in own.tensors.items()
            },
            configs={
                f"{n}.{file}": c for n, own in found.items() for file, c in own.configs.items()
            },
            holds_heads=all(own.holds_heads for own in found.values()),
        )


def branched(
    branches: Mapping[str, Backbone],
    heads: Mapping[str, nn.Module],
    batch: Batch,
    asked: Mapping[str, Tensor] | None,
) -> dict[str, Tensor]:
    """Logits by task, each of its own branch; of rows that are not asked for, those of no features.

    Args:
        branches, heads: by task.
        batch: for all of them.
        asked: as for :class:`zoo.model.ComposedModel`; all of all where ``None``.
    """
    found = {}
    for name, branch in branches.items():
        if asked is None:
            found[name] = heads[name](branch(batch).pooled)
        elif name in asked:
            rows = asked[name].nonzero().flatten()
            shape = len(asked[name]), branch.feature_size
            pooled = torch.zeros(shape, device=rows.device)
            if len(rows):
                some = branch({key: value[rows] for key, value in batch.items()}).pooled
                pooled = pooled.to(some.dtype).index_copy(0, rows, some)
            found[name] = heads[name](pooled)
    return found


def sharing(backbone: Backbone) -> Backbone:
    """The same modules once more, over the same parameters and buffers."""
    same = {id(tensor): tensor for tensor in (*backbone.parameters(), *backbone.buffers())}
    return copy.deepcopy(backbone, {**same, id(backbone.spec): backbone.spec})
