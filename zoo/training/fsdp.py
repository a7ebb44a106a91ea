"""torch's ``fully_shard`` for a time: put on a module, and taken off again without a trace."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from typing import Any

from torch import Tensor, nn

from zoo.training.cache.cut import replaced
from zoo.training.processes import processes


def mesh_of_all() -> Any:
    """All processes, in a row."""
    from torch.distributed.device_mesh import init_device_mesh

    ranks = processes()
    return init_device_mesh(ranks.device.type, (ranks.size,))


@contextlib.contextmanager
def fully_sharded(
    module: nn.Module, mesh: Any, whole: Collection[nn.Parameter] = ()
) -> Iterator[None]:
    """Inside, parameters are DTensors of ``mesh`` but while the module computes.

    Gradients are added up. Whoever has the parameters puts them back afterwards.

    Args:
        module: is called for what it computes.
        mesh: from :func:`mesh_of_all`.
        whole: parameters that stay as they are.
    """
    from torch.distributed.fsdp import fully_shard

    stand_in = _Forward(module)
    attributes = {each: set(vars(each)) for each in module.modules()}
    hooks = {id(found): set(found) for each in attributes for found in _hooks(each)}
    made = fully_shard(stand_in, mesh=mesh, reshard_after_forward=True, ignored_params={*whole})
    made.set_gradient_divide_factor(1.0)  # each row is worth its share of the whole batch
    made.set_force_sum_reduction_for_comms(True)  # gloo knows no other
    marks = {each: vars(each).keys() - names for each, names in attributes.items()}
    try:
        with replaced(module, "forward", made):
            yield
    finally:
        for each, names in marks.items():
            for name in names:
                delattr(each, name)
            for found in _hooks(each):
                for key in found.keys() - hooks.get(id(found), found.keys()):
                    del found[key]


class _Forward(nn.Module):
    """Stands in for a module's forward, as a module of its own for torch to work on."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self._compute = module.forward

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return _owned(self._compute(*args, **kwargs))


def _owned(output: Any) -> Any:
    """The output without views: what is then done to one in place would take torch's hook off it."""
    if isinstance(output, Tensor):
        return output.clone() if output._base is not None else output
    if type(output) in (tuple, list):
        return type(output)(map(_owned, output))
    return output


def _hooks(module: nn.Module) -> Iterator[dict[Any, Any]]:
    for name, found in vars(module).items():
        if "_hooks" in name and isinstance(found, dict):
            yield found
