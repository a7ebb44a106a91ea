"""Writes what the code itself says: the tables of options in ``docs/commands``, and the manifest's schema.

``make docs`` runs this; tests compare the files with what it would write.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from zoo.artifact import manifest
from zoo.cli import _app as application  # all commands; of no use to anybody else

PAGES = Path(__file__).parent / "commands"
SCHEMA = Path(manifest.__file__).with_suffix(".schema.json")  # ships with the code
START, END = "<!-- options: written by `make docs` -->", "<!-- end of options -->"


def main() -> None:
    for name, command in commands():
        path = page(name)
        path.write_text(with_options(path.read_text(encoding="utf-8"), command), encoding="utf-8")
    SCHEMA.write_text(manifest.schema(), encoding="utf-8")


def commands(group: Any = None, before: str = "") -> Iterator[tuple[str, Any]]:
    """All commands by what is typed, those of groups included."""
    for name, command in (group or get_command(application(()))).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def page(command: str) -> Path:
    """The page of a command."""
    return PAGES / f"{command.replace(' ', '-')}.md"


def with_options(text: str, command: Any) -> str:
    """A page with its table of arguments and options written anew."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n\n{table(command)}\n{END}{after}"


def table(command: Any) -> str:
    """Arguments and options of a command as a Markdown table."""
    rows = ["| argument or option | default | meaning |", "|---|---|---|"]
    for parameter in command.params:
        names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
        if parameter.param_type_name == "argument":
            names = f"`{parameter.metavar or parameter.name.upper()}`"
        default = "required" if parameter.required else _default(parameter.default)
        rows.append(f"| {names} | {default} | {_cell(parameter.help or '')} |")
    return "\n".join(rows) + "\n"


def _default(value: Any) -> str:
    return "" if value in (None, False, ()) else f"`{value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    main()
