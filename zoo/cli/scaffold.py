"""A new plugin's files, from templates."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
import unicodedata
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from zoo.artifact.atomic import replacing
from zoo.errors import BadSetting, OutputExists
from zoo.hookspecs import API_VERSION
from zoo.host import installed

_TEMPLATES = Path(__file__).with_name("templates")
_SUFFIX = ".jinja"
_PACKAGE = "PACKAGE"  # in the path of a template
_LONGEST = 60
_TAKEN = frozenset({"zoo", "test", "tests"})
_FOLDERS = frozenset({"build", "dist", "src"})  # that tools look into, or empty


@dataclass(frozen=True)
class Names:
    """How a plugin is called in each place.

    Attributes:
        distribution: as pip knows it, ``zoo-my-birds``.
        package: as Python imports it, ``zoo_my_birds``.
        short: as zoo lists it, ``my-birds``.
        title: as its classes begin, ``MyBirds``.
    """

    distribution: str
    package: str
    short: str
    title: str


def names_of(given: str) -> Names:
    """All names that follow from the one a person typed.

    Raises:
        BadSetting: no distribution and package can be called so.
    """
    letters = unicodedata.normalize("NFKD", given).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^a-z0-9]+", "-", letters.lower()).strip("-")
    package = plain.replace("-", "_")
    short = plain.removeprefix("zoo-")
    if not package.isidentifier() or not short[:1].isalpha() or len(plain) > _LONGEST:
        raise BadSetting(
            f"No plugin can be called {given[:80]!r}.",
            hint=f"Begin with a letter; letters, digits and -, at most {_LONGEST}: e.g. zoo-birds.",
        )
    if keyword.iskeyword(package) or package in sys.stdlib_module_names | _TAKEN:
        raise BadSetting(
            f"A package called {package!r} would hide Python's or zoo's own.",
            hint=f"For example `zoo plugin new zoo-{plain.removeprefix('zoo') or 'mine'}`.",
        )
    if package in _FOLDERS:
        raise BadSetting(
            f"Tools that build a package take a folder {package!r} for their own.",
            hint=f"For example `zoo plugin new zoo-{plain}`.",
        )
    title = "".join(part.capitalize() for part in short.split("-"))
    return Names(plain, package, short, title)


def require_free(names: Names) -> None:
    """Refuse names that a library or another plugin has: the new plugin would hide it, or clash.

    Raises:
        BadSetting: one of them is taken.
    """
    hint = f"For example `zoo plugin new zoo-my-{names.short}`."
    if _is_module(names.package) or _is_distribution(names.distribution):
        raise BadSetting(
            f"{names.distribution!r} would hide an installed package of that name.", hint=hint
        )
    for record in installed().plugins:
        namespaces = {name.partition(":")[0] for name in record.provides}
        if names.short in {record.name, *record.provides, *namespaces}:
            raise BadSetting(f"{names.short!r} is a name of {record.origin}.", hint=hint)


def _is_module(package: str) -> bool:
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # of a module without a spec
        return True
    # Without an origin it is any folder on the path.
    return spec is not None and spec.origin is not None


def _is_distribution(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def write(folder: Path, names: Names, kind: str) -> list[str]:
    """Write a plugin of ``kind``; whole or not at all. Returns the files, relative to ``folder``.

    Raises:
        OutputExists: there is something already.
        WriteFailed: the disk is full, or the place cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputExists(
            f"{folder} exists already; nothing was written.", hint="Choose another `--out`."
        )
    files = render(names, kind)
    with replacing(folder) as fresh:
        for name, text in files.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return sorted(files)


def render(names: Names, kind: str) -> dict[str, str]:
    """The text of every file of a plugin of ``kind``, by relative path."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    found = {}
    for template in sorted(templates.list_templates(extensions=[_SUFFIX[1:]])):
        group, _, path = template.partition("/")
        if group in ("common", kind):
            name = path.removesuffix(_SUFFIX).replace(_PACKAGE, names.package)
            found[name] = templates.get_template(template).render(
                names=names, kind=kind, api=API_VERSION
            )
    return found
