"""A plugin with toy backbones, and models composed on them."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

import zoo
from tests.plugin_site import PluginSite
from zoo.host import installed
from zoo.model import ComposedModel

HOOKS = """
from zoo.plugin import Setting

_NAMES = ("image", "grey", "native", "text", "vector")


def _spec(name):
    modality = {"text": "text", "vector": "vector"}.get(name.partition(":")[2], "image")
    return BackboneSpec(name=name, loader="toy_parts:load", modality=modality)


@hookimpl
def zoo_backbones():
    return [_spec(f"toy:{name}") for name in _NAMES]


@hookimpl
def zoo_resolve_backbone(name):
    return _spec(name) if name.startswith("toy:") and "/" in name else None


@hookimpl
def zoo_tasks():
    # As zoo-tasks has it, for any modality.
    settings = (
        Setting("class_weights", "none", "", choices=("none",)),
        Setting("label_smoothing", 0.0, "", minimum=0, maximum=0),
    )
    loader = "zoo_tasks.classification:Classification"
    return [TaskSpec(name="naming", loader=loader, settings=settings)]
"""

Compose = Callable[..., ComposedModel]


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A site folder with the distribution zoo-toys, on sys.path; the host is built anew with it."""
    folder = tmp_path_factory.mktemp("site")
    PluginSite(folder).add("zoo-toys", HOOKS)
    source = Path(__file__).with_name("toy_parts.py").read_text(encoding="utf-8")
    (folder / "toy_parts.py").write_text(source, encoding="utf-8")
    sys.path.insert(0, str(folder))
    installed.cache_clear()
    yield folder
    sys.path.remove(str(folder))
    installed.cache_clear()


@pytest.fixture
def compose(toys: Path) -> Compose:
    """Compose a model on a toy backbone and move what it trains away from where it starts."""

    def make(
        backbone: str = "toy:image",
        adapter: str = "lora",
        *,
        labels: tuple[str, ...] = ("ants", "bees", "wasps"),
        task: str = "classification",
        **options: object,
    ) -> ComposedModel:
        return toy_model(backbone, adapter, labels=labels, task=task, **options)

    return make


def toy_model(
    backbone: str = "toy:image",
    adapter: str = "lora",
    *,
    labels: tuple[str, ...] = ("ants", "bees", "wasps"),
    task: str = "classification",
    **options: object,
) -> ComposedModel:
    """As :func:`compose` makes it, where the toys are installed."""
    model = zoo.compose(backbone, adapter, zoo.task(task, labels=labels), **options)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        for parameter in [*model.trainable().values(), *model.heads.parameters()]:
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model
