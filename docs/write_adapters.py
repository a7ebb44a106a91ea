"""Writes the adapters' settings and defaults into ``docs/adapters.md`` from their specs.

``make docs`` runs this; a test compares the page with what it would write.
"""

from collections.abc import Iterable
from pathlib import Path

from zoo.host import installed
from zoo.plugin import AdapterSpec, Setting

PAGE = Path(__file__).parent / "adapters.md"
START, END = "<!-- adapters: written by `make docs` -->", "<!-- end of adapters -->"


def main() -> None:
    PAGE.write_text(with_adapters(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def with_adapters(text: str) -> str:
    """The page with what the specs say written anew."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    specs = sorted((p.spec for p in installed().adapters), key=lambda spec: spec.name)
    alone = [spec for spec in specs if ":" not in spec.name]
    families = [spec for spec in specs if ":" in spec.name]
    parts = "\n".join([*map(section, alone), family(families)])
    return f"{before}{START}\n\n{parts}\n{END}{after}"


def section(spec: AdapterSpec) -> str:
    """One adapter: what it is, its defaults for training, its settings."""
    rows = [f"| `{s.name}` | {default(s)} | {cell(s.help)} |" for s in spec.settings]
    table = ["| setting | default | meaning |", "|---|---|---|", *rows, ""] if rows else []
    training = ", ".join(f"{name} {_shown(value)}" for name, value in spec.training.items())
    return "\n".join(
        [
            f"### `{spec.name}`",
            "",
            f"{spec.summary[0].upper()}{spec.summary[1:]}. {cell(spec.reference)}.",
            *([f"Trained with {training}, where nothing else is said."] if training else []),
            "",
            *table,
        ]
    )


def family(specs: Iterable[AdapterSpec]) -> str:
    """Many adapters of one kind as a table; what all of them have is told once."""
    rows = []
    for spec in specs:
        own = [s for s in spec.settings if s.name not in ("roles", "last_blocks")]
        settings = ", ".join(f"`{s.name}` {default(s)}" for s in own) or "–"
        rows.append(
            f"| `{spec.name}` | {cell(spec.summary)} | {settings} | {spec.training['lr']:g} "
            f"| {cell(spec.reference)} |"
        )
    return "\n".join(
        [
            "### `peft:<method>`",
            "",
            "| adapter | what it trains | its own settings | lr | reference |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def default(setting: Setting) -> str:
    """A default as it would be typed."""
    value = setting.default
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"{value:g}"
    return value if isinstance(value, str) and value else ",".join(value) or "empty"


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


if __name__ == "__main__":
    main()
