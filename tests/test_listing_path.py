"""Listing is light: looking at what there is imports no library that computes."""

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "torchvision",
    "timm",
    "transformers",
    "peft",
    "datasets",
    "accelerate",
    "sklearn",
)

SCRIPTS = {
    "backbones": "import zoo; assert zoo.backbones()",
    "adapters": "import zoo; assert zoo.adapters()",
    "tasks": "import zoo; assert zoo.tasks()",
    "rankers": "import zoo; assert zoo.rankers()",
    "alignments": "import zoo; assert zoo.alignments() and zoo.validators()",
    "recipes": "import zoo; assert zoo.recipes()",
    "plugins": "import zoo.host; assert zoo.host.installed().plugins",
    "what plugins import": "import zoo.plugin; zoo.plugin.BackboneSpec, zoo.plugin.hookimpl",
    "resolving": "import zoo.host; zoo.host.installed().backbone('timm:resnet18')",
    "a manifest": "import zoo.artifact.manifest, zoo.report.record",
}
COMMANDS = (
    ["--help"],
    ["--version"],
    ["backbones", "--json"],
    ["backbones", "--max-params", "30M", "--license", "permissive", "--sort", "params"],
    ["show", "medical:rad-dino"],
    ["adapters"],
    ["tasks"],
    ["rankers"],
    ["alignments"],
    ["validators"],
    ["recipes"],
    ["plugins"],
    ["show", "lora"],
    ["fit", "--help"],
    ["rank", "--help"],
)


def imported_by(script: str) -> set[str]:
    """Heavy libraries that ``script`` leaves imported in a fresh interpreter."""
    ending = f"import sys; print('\\n', *[m for m in {HEAVY!r} if m in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", f"{script}\n{ending}"], capture_output=True, text=True, timeout=120
    )
    assert answer.returncode == 0, answer.stderr
    return set(answer.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("what", SCRIPTS)
def test_the_api_lists_without_heavy_imports(what: str) -> None:
    assert imported_by(SCRIPTS[what]) == set()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_commands_that_look_import_nothing_heavy(command: list[str]) -> None:
    run = f"import zoo.cli\ntry:\n    zoo.cli.main({command!r})\nexcept SystemExit as end:\n    assert not end.code, end.code"
    assert imported_by(run) == set()


def test_the_guard_sees_what_is_heavy() -> None:
    assert "torch" in imported_by("import zoo; zoo.ComposedModel")
