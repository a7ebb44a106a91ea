"""A second module of the same files is as the first, and its own."""

from pathlib import Path
from types import MethodType

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from zoo.model import Skeleton


class _Tied(nn.Module):
    places: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(5, 3)
        self.norm = nn.LayerNorm(3)
        self.out = nn.Linear(3, 5, bias=False)
        self.out.weight = self.embed.weight
        self.register_buffer("places", torch.arange(3.0), persistent=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.out(self.norm(self.embed(ids) + self.places))
        return found


def _doubled(self: _Tied, ids: torch.Tensor) -> torch.Tensor:
    return 2 * _Tied.forward(self, ids)


def _loaded(path: Path) -> tuple[_Tied, dict[str, torch.Tensor]]:
    made = _Tied().eval()
    save_file({n: p.detach() for n, p in made.named_parameters()}, path)
    state = load_file(path)
    for name, parameter in made.named_parameters():
        parameter.data = state[name]
    return made, state


def test_it_answers_as_the_first_and_is_trained_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    made, state = _loaded(path)
    skeleton = Skeleton.of(made, state)
    assert skeleton is not None
    ids = torch.tensor([[0, 1, 4]])

    one, other = (skeleton.filled(load_file(path)) for _ in range(2))
    assert torch.equal(one(ids), made(ids))
    assert one.out.weight is one.embed.weight
    assert not one.training

    content = path.read_bytes()
    with torch.no_grad():
        one.embed.weight.add_(1)
        one.places.add_(1)
    assert torch.equal(other(ids), made(ids))
    assert path.read_bytes() == content


def test_it_holds_no_weights(tmp_path: Path) -> None:
    made, state = _loaded(tmp_path / "a.safetensors")
    skeleton = Skeleton.of(made, state)

    assert skeleton is not None
    values = made.embed.weight.detach().numpy().tobytes()
    assert values not in skeleton.content
    assert [place.name for place in skeleton.places if place.values is None]


def test_what_is_given_anew_is_not_copied(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    made, state = _loaded(path)
    whole = {"module": made, "reader": (reader := object())}
    skeleton = Skeleton.of(whole, state, {"reader": reader})
    assert skeleton is not None

    other = object()
    filled = skeleton.filled(load_file(path), {"reader": other})
    assert filled["reader"] is other


def test_a_method_of_one_object_stays_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    made, state = _loaded(path)
    made.forward = MethodType(_doubled, made)  # type: ignore[method-assign]
    skeleton = Skeleton.of(made, state)
    assert skeleton is not None
    ids = torch.tensor([[0, 1, 4]])

    filled = skeleton.filled(load_file(path))
    assert torch.equal(filled(ids), made(ids))
    assert vars(filled)["forward"].__self__ is filled


def test_there_is_none_of_weights_that_were_computed(tmp_path: Path) -> None:
    made, state = _loaded(tmp_path / "a.safetensors")
    made.norm.weight.data = made.norm.weight.data.clone()

    assert Skeleton.of(made, state) is None
