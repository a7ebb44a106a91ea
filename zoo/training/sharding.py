"""Parameters in parts: while steps are taken, each process holds its share of every block's.

By torch's own ``fully_shard`` (FSDP2; Zhao et al. 2023, arXiv:2304.11277): what a block computes with
is put together from all processes before it computes, forward and backward, and let go of afterwards;
gradients are added up into the part that each process keeps, and the optimizer has state of that
part alone. What is outside of blocks, or used by several, stays whole everywhere.

Three choices are ours. Parts are for the steps of an epoch only: between them, for validation and for
what looks at weights, parameters are whole, so that nothing else need know of parts. A parameter
stays the same object all along, with the part as its data meanwhile: optimizer, averages and the best
state see plain tensors. And torch hangs its hooks on a stand-in for the block's forward, thrown away
with the steps, since it has no way of taking them off a module again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from zoo.errors import BadSetting, Incompatible, ProcessFailed, TrainingFailed
from zoo.model import Batch, ComposedModel
from zoo.training.cache.find import evaluating
from zoo.training.config import FitConfig
from zoo.training.divisible import Divisible, divisible
from zoo.training.fsdp import fully_sharded, mesh_of_all
from zoo.training.memory import is_out_of_memory
from zoo.training.prepared import PreparedSplit, collated
from zoo.training.processes import processes

_GONE = "by peer"  # as gloo says of a connection, in a plain RuntimeError


def require_shardable(model: ComposedModel, config: FitConfig, *, adapting: bool) -> None:
    """Look before an hour of reading and computing.

    Raises:
        BadSetting: another option does not go with parts.
        Incompatible: model or torch do not bear them.
    """
    if not model.adapter.trains_backbone:
        raise BadSetting(
            "sharded=true holds parameters in parts while steps are taken, and "
            f"{model.adapter.spec.name} takes none.",
            hint="Leave it out, or choose an adapter that trains the backbone, e.g. `--adapter lora`.",
        )
    odd = {
        "compile=true": config.compile,
        "precision=fp16": config.precision == "fp16",
        "weighting=gradnorm": config.weighting == "gradnorm",
        "a target to adapt to": adapting,
        "an adapter for each task": bool(model.branches),
        f"the penalty of {model.adapter.spec.name}": model.adapter.penalty(model.backbone)
        is not None,
    }
    if found := next((what for what, there in odd.items() if there), None):
        raise BadSetting(
            f"sharded=true holds parameters in parts, and {found} needs them whole in training.",
            hint="Leave one of them out. Less memory need `--adapter lora`, "
            "`--gradient-checkpointing` and a smaller `--micro-batch` as well.",
        )
    from torch.distributed.fsdp import FSDPModule

    if not hasattr(FSDPModule, "set_force_sum_reduction_for_comms"):
        raise Incompatible(
            f"sharded=true needs a later torch than {torch.__version__}: its FSDP2 cannot add up.",
            hint="`pip install -U torch`, or leave it out.",
        )


def why_ended(err: Exception, rows: int, place: str) -> ProcessFailed | None:
    """What to raise where memory ran out, or another process is gone; ``None`` for anything else.

    Processes wait for each other within blocks: none can tell the others to begin a step again.

    Args:
        err: came in a step.
        rows: computed at a time.
        place: epoch and batch in words.
    """
    if is_out_of_memory(err):
        return _no_room(rows, place)
    if isinstance(err, torch.distributed.DistError) or _GONE in str(err):
        return ProcessFailed(
            f"Another process ended in {place}, and this one cannot go on without its parts.",
            hint="It says why. `zoo fit --resume RUN` goes on where a checkpoint was written.",
        )
    return None


def _no_room(rows: int, place: str) -> ProcessFailed:
    less = (
        f"Begin again with `--micro-batch {rows // 2} --overwrite`."
        if rows > 1
        else "Take more processes, or an adapter that trains less."
    )
    return ProcessFailed(
        f"Out of memory in {place} with {rows} rows at a time, and parameters in parts allow no "
        "second try.",
        hint=less,
    )


class Sharding:
    """Which parameters are held in parts, and how they become whole.

    Args:
        blocks: whose parameters; none leaves everything whole.
    """

    def __init__(self, blocks: Sequence[Divisible] = ()) -> None:
        self._blocks = blocks
        self._layouts = {
            parameter: (parameter.shape, parameter.stride())
            for block in blocks
            for parameter in block.places
        }
        self._mesh: Any = mesh_of_all() if blocks else None
        self._skipped: Collection[nn.Module] = ()
        self._applied: contextlib.ExitStack | None = None
        self._live: dict[nn.Parameter, Any] = {}  # what torch computes with

    @classmethod
    def of(cls, model: ComposedModel, split: PreparedSplit) -> Sharding:
        """That of a model on its device.

        Args:
            model: what it calls is looked at, with a row of ``split``.
            split: prepared for the model.

        Raises:
            Incompatible: it does not compute in parts.
        """
        batch, _ = collated(split, model.preprocess, [0])
        on_device = {key: value.to(model.device) for key, value in batch.items()}
        with evaluating(model):
            found = cls([*divisible(model, on_device)])
            found._prove(model, on_device)
        return found

    @property
    def any(self) -> bool:
        """Whether anything is held in parts; the same on all processes."""
        return bool(self._blocks)

    @property
    def size(self) -> int:
        """How many parameters are, counted as wholes."""
        return sum(shape.numel() for shape, _ in self._layouts.values())

    @contextlib.contextmanager
    def applied(self, skipped: Collection[nn.Module] = ()) -> Iterator[None]:
        """Inside, each process has its parts alone.

        Where one process fails by itself, the others are within a block and wait for it: then nothing
        is put together again. Ctrl-C and a loss that is no number come to all at the same step.

        Args:
            skipped: modules that are not computed inside, so that nothing is put together for them.
        """
        self._skipped = skipped
        self._part()
        try:
            yield
        except (KeyboardInterrupt, TrainingFailed):
            self._join()
            raise
        self._join()

    @contextlib.contextmanager
    def whole(self) -> Iterator[None]:
        """Within :meth:`applied`: inside, all parameters are whole again."""
        if not self.any:
            yield
            return
        self._join()
        try:
            yield
        finally:
            self._part()

    def collect(self) -> None:
        """Give each parameter the gradient of its part, summed over processes."""
        for parameter, live in self._live.items():
            if live.grad is not None:
                parameter.grad, live.grad = live.grad.to_local(), None

    def plain(self, parameters: Sequence[nn.Parameter]) -> list[nn.Parameter]:
        """Those that are whole always: their gradients are still to be added up."""
        return [parameter for parameter in parameters if parameter not in self._layouts]

    def norm(self, parameters: Sequence[nn.Parameter]) -> Tensor:
        """The norm of all gradients, what other processes hold of them included."""
        parted = [p for p in parameters if p in self._layouts]
        total = _norm(self.plain(parameters))
        if not parted:
            return total
        square = _norm(parted).square().to(processes().device)
        torch.distributed.all_reduce(square)
        return (square + total.to(square).square()).sqrt()

    def part(self, parameter: Tensor | None, tensor: Tensor) -> Tensor:
        """What this process holds of a whole ``tensor`` that belongs to ``parameter``."""
        if parameter not in self._layouts:
            return tensor
        ranks = processes()
        parts = tensor.chunk(ranks.size)
        own = parts[ranks.rank] if ranks.rank < len(parts) else tensor[:0]
        # In plain order, as torch has parts: fused optimizers go through moments by address.
        return own.clone(memory_format=torch.contiguous_format)

    def present(self, parameter: Tensor) -> Tensor:
        """What this process holds of a parameter now, whether that is whole or not."""
        return parameter if self._applied else self.part(parameter, parameter)

    def put(self, parameter: Tensor, part: Tensor) -> None:
        """Set a parameter to what all processes hold of it."""
        parameter.copy_(part if self._applied else self.together(parameter, part))

    def together(self, parameter: Tensor | None, part: Tensor) -> Tensor:
        """The whole that processes hold in parts; all have to ask for it."""
        if parameter is None or parameter not in self._layouts:
            return part
        from torch.distributed.tensor import DTensor, Shard

        shape, _ = self._layouts[parameter]  # type: ignore[index]  # it is one of them
        stride = torch.empty(shape, device="meta").stride()
        spread = DTensor.from_local(
            part.detach().contiguous(),
            self._mesh,
            [Shard(0)],
            run_check=False,
            shape=shape,
            stride=stride,
        )
        return spread.full_tensor()

    def _prove(self, model: ComposedModel, batch: Batch) -> None:
        """Compute once in parts: who uses a block's parameters without calling it finds none.

        Raises:
            Incompatible: the model does not bear it; all processes find the same.
        """
        self._part()
        try:
            model(batch)
        except (RuntimeError, AssertionError) as err:
            if ended := why_ended(err, 1, "the first row"):
                raise ended from err
            self._join()
            raise Incompatible(
                f"{model.backbone.spec.name} with {model.adapter.spec.name} does not compute with "
                f"parameters in parts: {' '.join(str(err).split())[:200]}",
                hint="Leave out `--sharded`, or choose another adapter, e.g. `--adapter lora`.",
            ) from err
        self._join()

    def _part(self) -> None:
        with contextlib.ExitStack() as stack, torch.no_grad():
            for block in self._blocks:
                if any(module in self._skipped for module in block.around):
                    for parameter in block.places:
                        parameter.data = self.part(parameter, parameter)
                else:
                    stack.enter_context(self._computing(block))
            self._applied = stack.pop_all()

    def _join(self) -> None:
        assert self._applied is not None  # it is left once
        self._applied.close()
        self._applied = None
        with torch.no_grad():
            for parameter, (shape, stride) in self._layouts.items():
                whole = self.together(parameter, parameter.data)
                # What torch made refers to itself, and would hold the part until that is collected.
                parameter.data.untyped_storage().resize_(0)
                parameter.data = _laid_out(whole, shape, stride)

    @contextlib.contextmanager
    def _computing(self, block: Divisible) -> Iterator[None]:
        """Inside, torch puts a block's parameters together when it computes."""
        for parameter in block.places:
            parameter.data = parameter.data.contiguous()
        others = {p for p in block.module.parameters() if p not in block.places}
        with fully_sharded(block.module, self._mesh, others):
            for parameter, places in block.places.items():
                live: Any = getattr(*places[0])
                self._live[parameter], parameter.data = live, live.to_local()
            yield
        for parameter, places in block.places.items():
            del self._live[parameter]
            for module, name in places:
                setattr(module, name, parameter)


def _laid_out(whole: Tensor, shape: torch.Size, stride: tuple[int, ...]) -> Tensor:
    if whole.stride() == stride:
        return whole
    return whole.new_empty_strided(shape, stride).copy_(whole)


def _norm(parameters: Sequence[nn.Parameter]) -> Tensor:
    return get_total_norm([p.grad for p in parameters if p.grad is not None])
