"""Options that several commands take, described once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.errors import BadSetting

MODEL, DATA = "The model", "The data"


def model(help: str, *names: str, **more: Any) -> Any:
    """An option that says what the model is."""
    return typer.Option(*names, help=help, rich_help_panel=MODEL, **more)


def data(help: str, *names: str, **more: Any) -> Any:
    """An option that says how the data is read."""
    return typer.Option(*names, help=help, rich_help_panel=DATA, **more)


Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
Artifact = Annotated[
    str, typer.Argument(metavar="ARTIFACT", help="An artifact or run directory, or a Hub repo.")
]
BatchSize = Annotated[int, typer.Option(min=1, help="Inputs computed at a time.")]
Weights = Annotated[
    Path | None, model("A folder with the backbone's weights; wins over every other place.")
]
Revision = Annotated[str | None, model("Branch, tag or commit of the repo.")]
Tasks = Annotated[
    list[str] | None,
    model("From `zoo tasks`; repeated, several at once.", metavar="[NAME=]KIND[:COLUMNS[@DATA]]"),
]
TaskSet = Annotated[
    list[str] | None,
    model("A setting of the task; repeatable.", "--task-set", metavar="KEY=VALUE"),
]
Locked = Annotated[bool, model("Take what zoo.lock pins; refuse what differs from it.", "--locked")]
Pooling = Annotated[
    str | None, model("How tokens become one vector, where the backbone offers a choice.")
]

_DATA = typer.Argument(
    metavar="DATA",
    help="A folder of images by class or with a table of labels; a CSV, TSV, JSONL or Parquet table, "
    "or a quoted pattern; a saved dataset; hf://datasets/owner/name.",
)
Data = Annotated[Path, _DATA]
DataOrNone = Annotated[Path | None, _DATA]
InputColumn = Annotated[
    str | None, data("The column with texts or image paths; guessed where not given.")
]
LabelColumn = Annotated[str | None, data("The column with labels; guessed where not given.")]
Splits = Annotated[
    str | None, data("Which part of the data is which split, e.g. 'train=train,test=val'.")
]
HELD_OUT = 0.15  # share of the rows for validation, and for testing
ValFraction = Annotated[
    float, data("Share taken for validation where the data has none.", min=0, max=0.9)
]
TestFraction = Annotated[
    float, data("Share taken for testing where the data has none.", min=0, max=0.9)
]
SkipBad = Annotated[
    bool, data("Leave out files that cannot be read, and count them.", "--skip-bad")
]
Convert = Annotated[
    bool, data("Turn images of other modes into what the backbone takes.", "--convert")
]


def pairs(option: str, words: list[str]) -> dict[str, str]:
    """``key=value`` words as a mapping.

    Raises:
        BadSetting: a word is not of that form, or a key is given twice.
    """
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not (key and equals):
            raise BadSetting(
                f"{option} {word!r} is not of the form key=value.",
                hint=f"For example `{option} key=value`; repeat the option for more.",
            )
        if key in found:
            raise BadSetting(f"{option} gives {key!r} twice.", hint="Give each key once.")
        found[key] = value
    return found


def split_names(text: str | None) -> dict[str, str] | None:
    """``train=a,test=b`` as a mapping, ``None`` where nothing was given; raises as :func:`pairs`."""
    if text is None:
        return None
    return pairs("--splits", [word.strip() for word in text.split(",") if word.strip()])
