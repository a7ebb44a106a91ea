"""Writes every listed backbone of zoo's own plugins into ``docs/catalogue.md`` from their specs.

``make docs`` runs this; a test compares the page with what it would write.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from zoo.cli.output import count
from zoo.host import installed
from zoo.plugin import BackboneSpec

PAGE = Path(__file__).parent / "catalogue.md"
START, END = "<!-- backbones: written by `make docs` -->", "<!-- end of backbones -->"
OWN = {path.parent.name for path in Path(__file__).parents[1].glob("plugins/zoo-*/pyproject.toml")}


def main() -> None:
    PAGE.write_text(with_backbones(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def with_backbones(text: str) -> str:
    """The page with what the specs say written anew."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    specs = [p.spec for p in installed().backbones if p.plugin.distribution in OWN]
    groups = sorted({(spec.name.partition(":")[0], spec.modality) for spec in specs})
    checked = Counter(spec.verified for spec in specs)
    tally = ", ".join(f"{number} `{how}`" for how, number in sorted(checked.items()))
    parts = [f"{len(specs)} backbones: {tally}.", ""]
    for namespace, modality in groups:
        chosen = [
            spec
            for spec in specs
            if spec.modality == modality and spec.name.startswith(f"{namespace}:")
        ]
        parts += [f"## `{namespace}:` ({modality})", "", table(chosen), ""]
    return f"{before}{START}\n\n" + "\n".join(parts) + f"{END}{after}"


def table(specs: Iterable[BackboneSpec]) -> str:
    """One row a backbone, in the order of its plugin."""
    rows = [
        "| name | what it is | parameters | input | features | licence | checked | source |",
        "|---|---|---:|---|---:|---|---|---|",
    ]
    for spec in specs:
        size = "×".join(map(str, spec.input_size)) if spec.input_size else ""
        facts = "; ".join(f"{key}: {said(value)}" for key, value in spec.facts.items())
        summary = f"{spec.summary} ({facts})" if facts else spec.summary
        rows.append(
            f"| `{spec.name}` | {cell(summary)} | {count(spec.params) or ''} | {size} "
            f"| {spec.feature_size or ''} | {spec.license or ''} | {spec.verified} | {spec.source} |"
        )
    return "\n".join(rows)


def said(value: object) -> str:
    """A fact as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"`{value}`" if isinstance(value, str) and value != value.strip() else str(value)


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    main()
