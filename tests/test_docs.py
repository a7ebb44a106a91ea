"""The documentation says what is there: commands, options, links, hooks, errors, names."""

import inspect
import json
import re
import textwrap
import tomllib
from pathlib import Path

import pytest

import zoo
from docs.write_adapters import with_adapters
from docs.write_catalogue import with_backbones
from docs.write_options import PAGES, commands, page, with_options
from docs.write_tasks import with_tasks
from tests.conftest import CHECKOUT
from tests.plugin_site import PluginSite
from zoo import errors, hookspecs, layers
from zoo.artifact.manifest import FORMAT, Manifest, TaskEntry
from zoo.host import installed
from zoo.registry import Registry
from zoo.specs import check_settings
from zoo.training.config import FitConfig

DOCS = [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("*/zoo-*/*.md"), *(CHECKOUT / "docs").rglob("*.md")]
COMMANDS = dict(commands())
EVERYWHERE = {
    "--allow-plugins",
    "--debug",
    "--disable-plugins",
    "--help",
    "--strict",
    "--trace",
}


def read(path: str) -> str:
    return (CHECKOUT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_page_with_its_options(name: str) -> None:
    text = page(name).read_text(encoding="utf-8")
    assert text.startswith(f"# zoo {name}\n")
    assert text == with_options(text, COMMANDS[name]), "`make docs` writes the tables anew"


def test_each_page_is_of_a_command() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == {
        "README",
        *(page(name).stem for name in COMMANDS),
    }
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"[`zoo {name}`]({page(name).name})" in index


@pytest.mark.parametrize("path", DOCS, ids=lambda p: str(p.relative_to(CHECKOUT)))
def test_commands_in_examples_exist_with_their_options(path: Path) -> None:
    for line in re.findall(r"^(?:\$ |    )(?:\S*/)?zoo ([a-z].*)$", path.read_text("utf-8"), re.M):
        words = line.split("#")[0].partition(" -- ")[0].split()
        name = " ".join(words[:2]) if words[0] in ("data", "hub", "lock", "plugin") else words[0]
        if any(provided.spec.name == name for provided in installed().commands):
            continue
        assert name in COMMANDS, line
        known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        used = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert used <= known | EVERYWHERE, line


@pytest.mark.parametrize("path", DOCS, ids=lambda p: str(p.relative_to(CHECKOUT)))
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_names_of_the_api_in_the_documentation_exist() -> None:
    for path in DOCS:
        for name in re.findall(r"\bzoo\.([a-z_]+)\(", path.read_text(encoding="utf-8")):
            assert name in zoo.__all__, f"{path.name}: zoo.{name}"


def test_every_error_is_described_with_its_exit_code() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d) \|", read("docs/errors.md"), re.M)
    assert [(name, int(code)) for name, code in rows] == [
        (name, kind.exit_code)
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.ZooError)
    ]


def test_every_hook_is_described() -> None:
    hooks = {
        f"{name}({', '.join(inspect.signature(hook).parameters)})"
        for name, hook in vars(hookspecs).items()
        if name.startswith("zoo_")
    }
    assert set(re.findall(r"^\| `(zoo_[^`]+)` \|", read("docs/plugins.md"), re.M)) == hooks


def test_the_plugin_in_the_documentation_works(site: PluginSite) -> None:
    (code,) = re.findall(r"```python\n(# zoo_mine/hooks\.py.*?)```", read("docs/plugins.md"), re.S)
    site.add("zoo-mine", textwrap.dedent(code), name="mine")
    (record,) = site.host().plugins
    assert (record.status, record.provides) == ("ok", ["vision:mine"])


def test_the_manifest_in_the_documentation_has_the_keys_there_are() -> None:
    (shown,) = map(json.loads, re.findall(r"```json\n(.*?)```", read("docs/artifact.md"), re.S))
    assert shown.keys() == Manifest.model_fields.keys()
    assert shown["format"] == FORMAT
    for key in ("backbone", "adapter", "provenance"):
        kind = Manifest.model_fields[key].annotation
        assert shown[key].keys() == kind.model_fields.keys()
    assert shown["tasks"][0].keys() == TaskEntry.model_fields.keys()
    assert {name for entry in shown["files"].values() for name in entry} == {"sha256", "size"}


def test_the_registry_in_the_documentation_is_valid() -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", read("docs/registry.md"), re.S)
    tables = tomllib.loads(shown)
    assert tables.keys() == layers.SHAPE.keys()
    assert list(layers.faults(tables)) == []
    registry = Registry.of(tables)
    FitConfig.resolve({}, registry.recipes["reviews"].training)
    check_settings(
        "lora", installed().adapter("lora").spec.settings, registry.recipes["reviews"].settings
    )


def test_the_settings_of_all_adapters_are_described() -> None:
    text = read("docs/adapters.md")
    assert text == with_adapters(text), "`make docs` writes the tables anew"


def test_the_table_of_tasks_and_adapters_is_that_of_the_specs() -> None:
    text = read("docs/tasks.md")
    assert text == with_tasks(text), "`make docs` writes the table anew"


def test_every_listed_backbone_is_in_the_catalogue() -> None:
    text = read("docs/catalogue.md")
    assert text == with_backbones(text), "`make docs` writes the table anew"


@pytest.mark.parametrize("name", ["linear-probe", "lora", "classification"])
def test_each_setting_of_a_built_in_is_described_where_it_lives(name: str) -> None:
    host = installed()
    provided = host.task(name) if name == "classification" else host.adapter(name)
    (page,) = CHECKOUT.glob(f"*/{provided.plugin.distribution}/README.md")
    table = page.read_text(encoding="utf-8").partition("| setting |")[2].partition("\n\n")[0]
    described = re.findall(r"^\| `(\w+)` \|", table, re.M)
    assert described == [setting.name for setting in provided.spec.settings]
