"""What `zoo doctor` looks at. Nothing that computes is imported, and nothing of a secret is shown."""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Literal

import zoo
from zoo.errors import ZooError
from zoo.hookspecs import API_VERSION
from zoo.host import PluginRecord

_LIBRARIES = (
    "torch", "torchvision", "timm", "transformers", "peft", "accelerate", "datasets",
    "huggingface_hub", "safetensors", "pluggy", "typer", "numpy",
)  # fmt: skip
_HUB_SECONDS = 4.0
_SIZE_SECONDS = 2.0


@dataclass(frozen=True)
class Check:
    """One thing looked at; a ``note`` is worth knowing and nothing to mend."""

    name: str
    status: Literal["ok", "note", "broken"]
    detail: str
    remedy: str = ""


def zoo_itself() -> Iterator[Check]:
    """Versions of the host, of Python and of the libraries."""
    where = Path(zoo.__file__).parent
    yield Check("zoo", "ok", f"{zoo.__version__}, plugin API {API_VERSION}, in {where}")
    yield Check("python", "ok", f"{platform.python_version()}, {sys.executable}")
    found = {name: _build(name) or _version(name) for name in _LIBRARIES}
    known = ", ".join(f"{name} {found[name]}" for name in _LIBRARIES if found[name])
    yield Check("libraries", "ok", known)
    if not found["torch"]:
        yield Check(
            "torch",
            "broken",
            "not installed; zoo can list and not compute",
            "pip install 'zoo[fit]'",
        )


def torch_pair() -> Iterator[Check]:
    """Whether torch and torchvision were built for each other, from their own version files."""
    torch, torchvision = _build("torch"), _build("torchvision")
    if not (torch and torchvision):
        return
    pair = f"torch {torch}, torchvision {torchvision}"
    asked = _asked_torch()
    if asked and asked != torch.partition("+")[0]:
        remedy = f"`pip install torch=={asked}`, or a torchvision made for {torch}."
        yield Check("torch pair", "broken", f"{pair}, which was made for torch {asked}", remedy)
    elif torch.partition("+")[2] != torchvision.partition("+")[2]:
        yield Check(
            "torch pair",
            "note",
            f"{pair}: built apart, so torchvision's operators may be missing; zoo does without them",
        )
    else:
        yield Check("torch pair", "ok", pair)


def registry_files() -> Iterator[Check]:
    """Whether each ``registry.toml`` can be used."""
    from zoo import layers

    for path in layers.paths():
        try:
            layers.read(path)
        except ZooError as err:
            yield Check("registry", "broken", err.message, err.hint)
        else:
            yield Check("registry", "ok", str(path))


def hub() -> Iterator[Check]:
    """Which hub it is, whether it answers, and whether there is a token for it."""
    from zoo.hub.client import connect, shown_endpoint

    try:
        client = connect()
    except ZooError as err:
        yield Check("hub", "broken", err.message, err.hint)
        return
    shown = shown_endpoint(client.endpoint)
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        yield Check("hub", "note", f"{shown} is not asked: HF_HUB_OFFLINE is set")
    else:
        fault = _unreachable(client.endpoint)
        remedy = "Check the network, HF_ENDPOINT and proxies; HF_HUB_OFFLINE=1 works without one."
        yield (
            Check("hub", "broken", f"{shown} {fault}", remedy)
            if fault
            else Check("hub", "ok", f"{shown} answers")
        )
    found = "a token is set" if client.has_token else "no token: public repos can be read"
    yield Check("token", "ok" if client.has_token else "note", found)


def caches() -> Iterator[Check]:
    """Where downloads are kept, and how much they take."""
    from huggingface_hub import constants

    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    for name, folder in (
        ("hub cache", Path(constants.HF_HUB_CACHE)),
        ("zoo cache", Path(home, "zoo")),
    ):
        if folder.is_dir():
            size, whole = _size(folder)
            yield Check(name, "ok", f"{folder}: {'' if whole else 'more than '}{_bytes(size)}")
        else:
            yield Check(name, "ok", f"{folder}: nothing there yet")


def plugins() -> Iterator[Check]:
    """Each plugin, and what would mend it."""
    from zoo.cli import COMMANDS, extensions
    from zoo.host import installed

    try:
        host = installed()
        extensions.refuse_hiding(host, COMMANDS)
        records = host.plugins
    except ZooError as err:
        yield Check("plugins", "broken", err.message, err.hint)
        return
    working = sum(record.status == "ok" for record in records)
    yield Check("plugins", "ok", f"{working} of {len(records)} work")
    for record in records:
        yield from _plugin(record)
    for clash in host.clashes:
        yield Check("names", "broken", clash.message, clash.hint)


def _plugin(record: PluginRecord) -> Iterator[Check]:
    name = f"plugin {record.name}"
    if record.needs_mending:
        detail = f"{record.origin} is {record.status}: {record.reason}"
        yield Check(name, "broken", detail, record.remedy)
    elif record.status == "disabled":
        yield Check(name, "note", f"{record.origin} is disabled {record.reason}")
    for warning in record.warnings:
        yield Check(name, "note", f"{record.origin}: {warning}")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _build(name: str) -> str:
    """A library's version with its build, as in 2.13.0+cpu; its metadata may leave the build out."""
    try:
        place = Path(str(distribution(name).locate_file(f"{name}/version.py")))
        match = re.search(r"__version__ = '([^']+)'", place.read_text(encoding="utf-8"))
    except (PackageNotFoundError, OSError, ValueError):
        return ""
    return match[1] if match else _version(name)


def _asked_torch() -> str:
    for line in distribution("torchvision").requires or []:
        match = re.match(r"torch\s*\(?==\s*([\w.]+)", line)
        if match:
            return match[1]
    return ""


def _unreachable(endpoint: str) -> str:
    """What is wrong with a hub; empty where it answers as one."""
    import urllib.error
    import urllib.request

    request = urllib.request.Request(
        f"{endpoint}/api/models?limit=1", headers={"user-agent": f"zoo/{zoo.__version__}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_HUB_SECONDS) as answer:
            kind = answer.headers.get_content_type()
    except urllib.error.HTTPError as err:
        return f"answers {err.code}" if err.code >= 500 else ""
    except (OSError, ValueError) as err:
        return f"does not answer: {getattr(err, 'reason', err)}"
    return "" if kind == "application/json" else f"answers with {kind}, which no hub does"


def _size(folder: Path) -> tuple[int, bool]:
    """Bytes below a folder, links not followed, and whether there was time to see all of it."""
    total, until, waiting = 0, time.monotonic() + _SIZE_SECONDS, [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue  # another process tidies up, or it is not ours to read
        if time.monotonic() > until:
            return total, False
    return total, True


def _bytes(size: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size} B"
