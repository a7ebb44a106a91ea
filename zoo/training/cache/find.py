"""Where a backbone may be cut: chosen by looking, accepted only where it changes nothing.

A cut is proved with two batches of another size and content: what comes out, and what every trained
parameter is told to do, must be as without it. Where it is not, the block before is tried.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zoo.artifact import probe
from zoo.model import Backbone, Batch
from zoo.model.batches import stacks
from zoo.model.inference import close
from zoo.training.cache.cut import ACTIVATION, Cut, Entry, Inner, Pooled, arguments, replaced
from zoo.training.cache.observe import Called, Pass, observe

_CLOSE = 1e-5  # of the largest value: texts are padded otherwise than before


def first_moving(backbone: Backbone) -> int:
    """The first block that training changes; as many as there are blocks where none is.

    A module in training mode counts: dropout and batch norms are not the same twice. What is
    trained outside of all blocks makes it 0.
    """
    roots = [set(block.modules) for block in backbone.blocks]
    first = len(roots)
    for name in _moving(backbone.module):
        inside = (at for at, names in enumerate(roots) if _within(name, names))
        first = min(first, next(inside, 0))
    return first


def find_cut(backbone: Backbone, block: int) -> Cut | None:
    """The last cut at or before ``block`` that can be proved; ``None`` where there is none."""
    if block == len(backbone.blocks):
        return Pooled(backbone)
    samples = [backbone.preprocess(sample) for sample in probe.samples(backbone)[:5]]
    two, three = samples[:2], samples[2:]
    if len(three) < 3:
        return None
    trained = [p for p in backbone.parameters() if p.requires_grad]
    with evaluating(backbone):
        seen = observe(backbone, _batch(backbone, two))
        for at in range(block, 0, -1):
            for cut in _candidates(backbone, seen, at, two):
                if all(_holds(cut, several, trained) for several in (two, three)):
                    return cut
    return None


@contextlib.contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; afterwards every module is in the mode that it was in."""
    modes = [(each, each.training) for each in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for each, mode in modes:
            each.training = mode


def _moving(module: nn.Module) -> Iterator[str]:
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            yield name
    for name, child in module.named_modules():
        if child.training and not any(True for _ in child.children()):
            yield name


def _candidates(
    backbone: Backbone, seen: Pass, block: int, samples: Sequence[Any]
) -> Iterator[Cut]:
    behind = {root for each in backbone.blocks[block:] for root in each.modules}
    entry = seen.first_within(behind)
    if entry is None or sum(call.module is entry.module for call in seen.calls) != 1:
        return
    before = [call for call in seen.before(entry) if call.stub]
    name = backbone.blocks[block].name
    if stacks(backbone.preprocess):
        cut = _crossed(backbone, name, entry, before, samples, ragged=False)
        if cut is not None:
            yield cut
            yield cut.needing_inputs()
    # Masks and positions are made from the inputs: only blocks alike are left out.
    kinds = Counter(type(call.module) for call in before if call.keeps_shape)
    alike = {kind for kind, _ in kinds.most_common(1)}
    layers = [call for call in before if call.keeps_shape and type(call.module) in alike]
    cut = _crossed(backbone, name, entry, layers, samples, ragged=not stacks(backbone.preprocess))
    if cut is not None:
        yield cut.needing_inputs()


def _crossed(
    backbone: Backbone,
    name: str,
    entry: Called,
    before: Sequence[Called],
    samples: Sequence[Any],
    *,
    ragged: bool,
) -> Inner | None:
    """A cut before ``entry``, if exactly one of its arguments depends on what is left out."""
    stubs = {call.module: call.stub for call in before if call.stub}
    draft = Inner(backbone, name, Entry(entry.module, 0), stubs, ragged=ragged, blank=True)
    batch = _batch(backbone, samples)
    try:
        with torch.no_grad():
            true_args, true_named = arguments(backbone, entry.module, batch)
            args, named = _stubbed_arguments(draft, batch)
        given = _by_place(true_args, true_named)
        found = _by_place(args, named)
        crossing = [at for at in given if not _same(given[at], found[at])]
    except Exception:  # a network that does not bear it is not cut here
        return None
    if len(crossing) != 1 or not isinstance(given[crossing[0]], Tensor):
        return None
    value = given[crossing[0]]
    if ragged and (value.ndim < 2 or value.shape[1] != _longest(samples)):
        return None
    last = value.ndim == 4 and value.is_contiguous(memory_format=torch.channels_last)
    return draft.at(crossing[0], last and not value.is_contiguous())


def _by_place(args: tuple[Any, ...], named: dict[str, Any]) -> dict[int | str, Any]:
    found: dict[int | str, Any] = dict(enumerate(args))
    found.update(named)
    return found


def _stubbed_arguments(draft: Inner, batch: Batch) -> tuple[tuple[Any, ...], dict[str, Any]]:
    with contextlib.ExitStack() as stack:
        for module, stub in draft.stubs.items():
            stack.enter_context(replaced(module, "forward", stub))
        return arguments(draft.backbone, draft.entry.module, batch)


def _holds(cut: Cut, samples: Sequence[dict[str, Tensor]], trained: list[nn.Parameter]) -> bool:
    """Whether going on from the cut gives the features, and the gradients, of the whole."""
    backbone = cut.backbone
    try:
        batch = _batch(backbone, samples)
        whole = backbone(batch).pooled
        with torch.no_grad():
            rows = cut.rows_of(cut.capture(batch).detach().clone(), samples)
        with cut.resumed(), cut.collating():
            with_rows = [
                {**sample, ACTIVATION: row} for sample, row in zip(samples, rows, strict=True)
            ]
            rest = backbone(_batch(backbone, with_rows)).pooled
            told = _gradients(rest, trained)
        return _near(whole, rest) and all(map(_near, _gradients(whole, trained), told))
    except Exception:  # as above
        return False


def _gradients(pooled: Tensor, trained: list[nn.Parameter]) -> list[Tensor | None]:
    if not pooled.requires_grad:
        return [None for _ in trained]
    weights = torch.linspace(-1, 1, pooled.numel(), device=pooled.device).view_as(pooled)
    return list(torch.autograd.grad((pooled * weights).sum(), trained, allow_unused=True))


def _near(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return close(one, other, _CLOSE)


def _same(one: Any, other: Any) -> bool:
    """Whether two arguments are equal; objects that cannot be compared are left to the proof."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.shape == other.shape and torch.equal(one, other)
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, Tensor) == isinstance(other, Tensor)


def _batch(backbone: Backbone, samples: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    device = next(backbone.parameters()).device
    batch = backbone.preprocess.collate(samples)
    return {key: value.to(device) for key, value in batch.items()}


def _longest(samples: Sequence[dict[str, Tensor]]) -> int:
    return max(len(tensor) for sample in samples for tensor in sample.values() if tensor.ndim)


def _within(name: str, roots: set[str]) -> bool:
    return any(name == root or name.startswith(f"{root}.") for root in roots)
