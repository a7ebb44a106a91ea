"""Python source that opens an artifact with the base library alone, zoo not installed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from zoo.artifact.contents import CHANGED, CONFIG, HEADS, contents, native_model
from zoo.artifact.manifest import MANIFEST
from zoo.artifact.probe import PROBE
from zoo.model import ComposedModel, StockCode

_IMPORTS = (
    "import json",
    "import torch",
    "from huggingface_hub import hf_hub_download",
    "from safetensors.torch import load_file",
)
_REQUIRES = ("huggingface_hub", "safetensors", "torch")
_IMAGE = 'example = Image.fromarray(probe["input.0"].numpy())  # or Image.open("photo.jpg")'
_TEXT = 'example = bytes(probe["input.0"].tolist()).decode()  # or any text'
_EXAMPLES: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "image": (("pillow",), ("from PIL import Image",), _IMAGE),
    "text": ((), (), _TEXT),
}


@dataclass(frozen=True)
class Snippet:
    """Code to run as it stands, and what has to be pip-installed for it."""

    requires: tuple[str, ...]
    code: str


def without_zoo(model: ComposedModel, repo: str) -> Snippet | None:
    """How to open ``model``, once it is in ``repo``, without zoo; ``None`` where nothing else can.

    The code gives ``logits`` of the first input of the probe and compares them with those recorded.
    """
    base, adapter = _base(model), model.adapter.stock_code()
    if model.language:
        return _language(model, repo)
    modality = model.backbone.contract.modality
    linear = all(isinstance(head, nn.Linear) for head in model.heads.values())
    told = linear and model.reads_pooled and modality in _EXAMPLES
    if base is None or adapter is None or not told:
        return None
    if model.branches:
        return _each(model, base, adapter, repo)
    adapter_imports, adapter_line = adapter
    example_requires, example_imports, example = _EXAMPLES[modality]
    whole = model.native_head is not None and bool(base.whole)
    lines = [
        *_sorted((*_IMPORTS, *example_imports, *base.imports, *adapter_imports)),
        "",
        *(_open_whole if whole else _open_headless)(model, base, adapter_line),
        "model.eval()",
        "",
        f'probe = load_file(hf_hub_download("{{repo}}", "{PROBE}"))',
        example,
        *base.inputs.splitlines(),
        "with torch.inference_mode():",
        *(f"    {line}" for line in (base.logits if whole else base.pooled).splitlines()),
        "",
        f'tasks = json.load(open(hf_hub_download("{{repo}}", "{MANIFEST}")))["tasks"]',
        *_answers(model, whole),
    ]
    requires = {
        *_REQUIRES,
        *example_requires,
        *base.requires,
        *(_module(line) for line in adapter_imports),
    }
    return Snippet(tuple(sorted(requires)), "\n".join(lines).replace("{repo}", repo))


def _each(
    model: ComposedModel, base: StockCode, adapter: tuple[tuple[str, ...], str], repo: str
) -> Snippet:
    """Lines that open the backbone with the adapter of one task after another."""
    imports, line = adapter
    names = [_quoted(name) for name in model.tasks]
    first = f"{next(iter(model.tasks))}."
    found = contents(model)
    files = sorted(
        file.removeprefix(first)
        for file in (*found.tensors, *found.configs)
        if file.startswith(first)
    )
    requires, example_imports, example = _EXAMPLES[model.backbone.contract.modality]
    body = [
        *base.features.splitlines(),
        "folder = tempfile.mkdtemp()",
        f"for file in {json.dumps(files)}:",
        '    shutil.copy(hf_hub_download("{repo}", f"{task}.{file}"), f"{folder}/{file}")',
        *line.replace('"{repo}"', "folder").splitlines(),
        "model.eval()",
        *base.inputs.splitlines(),
        "with torch.inference_mode():",
        *(f"    {each}" for each in base.pooled.splitlines()),
        'weight, bias = heads[f"{task}.weight"], heads.get(f"{task}.bias")',
        "logits = torch.nn.functional.linear(pooled, weight, bias)",
        'difference = (logits[0] - probe[f"logits.{task}"][0]).abs().max().item()',
        "print(task, logits[0].tolist())",
        'print(f"largest difference from the recorded logits: {difference:.2g}")',
    ]
    lines = [
        *_sorted(
            (
                *_IMPORTS[1:],
                "import shutil",
                "import tempfile",
                *example_imports,
                *base.imports,
                *imports,
            )
        ),
        "",
        _LOAD_HEADS,
        f'probe = load_file(hf_hub_download("{{repo}}", "{PROBE}"))',
        example,
        "",
        f"for task in [{', '.join(names)}]:",
        *(f"    {each}" for each in body),
    ]
    needed = {*_REQUIRES, *requires, *base.requires, *map(_module, imports)}
    return Snippet(tuple(sorted(needed)), "\n".join(lines).replace("{repo}", repo))


def _language(model: ComposedModel, repo: str) -> Snippet | None:
    """Lines that open a model with its language head, and let it answer."""
    base, adapter = _base(model), model.adapter.stock_code()
    if base is None or adapter is None:
        return None
    imports, line = adapter
    lines = [
        *_sorted((*base.imports, *imports)),
        "",
        base.whole,
        *([line] if line else []),
        "model.eval()",
        "",
        'example = "Once upon a time"  # or any text',
        *base.inputs.splitlines(),
        "with torch.inference_mode():",
        *(f"    {each}" for each in base.logits.splitlines()),
    ]
    requires = {"torch", *base.requires, *(_module(each) for each in imports)}
    return Snippet(tuple(sorted(requires)), "\n".join(lines).replace("{repo}", repo))


def _base(model: ComposedModel) -> StockCode | None:
    """What the adapter is put onto: the pinned backbone, or the whole model where it changed."""
    found = contents(model)
    native = native_model(model) if CONFIG in found.configs else None
    if native is not None:
        return native.stock
    return None if CHANGED in found.tensors else model.backbone.stock_code()


def _open_whole(model: ComposedModel, base: StockCode, adapter_line: str) -> list[str]:
    """A model with its head in the base library's own place."""
    lines = base.whole.replace("{n}", str(len(model.task.labels))).splitlines()
    if HEADS in contents(model).tensors:
        lines += [_LOAD_HEADS, "model.load_state_dict(heads, strict=False)"]
    return [*lines, *adapter_line.splitlines()]


def _open_headless(model: ComposedModel, base: StockCode, adapter_line: str) -> list[str]:
    """A model without a head, and the heads as tensors."""
    return [*base.features.splitlines(), *adapter_line.splitlines(), _LOAD_HEADS]


_LOAD_HEADS = f'heads = load_file(hf_hub_download("{{repo}}", "{HEADS}"))'


def _answers(model: ComposedModel, whole: bool) -> list[str]:
    lines = []
    for position, (name, head) in enumerate(model.heads.items()):
        if not whole:
            bias = f"heads[{_quoted(f'{name}.bias')}]" if "bias" in head.state_dict() else "None"
            weight = f"heads[{_quoted(f'{name}.weight')}]"
            lines.append(f"logits = torch.nn.functional.linear(pooled, {weight}, {bias})")
        of_labels = len(head.state_dict()["weight"]) == len(model.tasks[name].labels)
        named = f'dict(zip(tasks[{position}]["labels"], logits[0].tolist()))'
        lines += [
            f"print({named if of_labels else 'logits[0].tolist()'})",
            f"difference = (logits[0] - probe[{_quoted(f'logits.{name}')}][0]).abs().max().item()",
            'print(f"largest difference from the recorded logits: {difference:.2g}")',
        ]
    return lines


def _quoted(name: str) -> str:
    return f'"{name}"' if re.fullmatch(r"[\w .-]+", name, re.ASCII) else repr(name)


def _sorted(imports: Iterable[str]) -> list[str]:
    unique = dict.fromkeys(line for line in imports if line)
    return sorted(unique, key=lambda line: (line.startswith("from"), line))


def _module(line: str) -> str:
    return line.split()[1].partition(".")[0]
