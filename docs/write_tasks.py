"""Writes the table of which task goes with which adapter into ``docs/tasks.md`` from their specs.

``make docs`` runs this; a test compares the page with what it would write, and others hold the table
against what happens.
"""

from pathlib import Path

from zoo.host import installed
from zoo.specs import misfit

PAGE = Path(__file__).parent / "tasks.md"
START, END = "<!-- tasks: written by `make docs` -->", "<!-- end of tasks -->"


def main() -> None:
    PAGE.write_text(with_tasks(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def with_tasks(text: str) -> str:
    """The page with what the specs say written anew."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n\n{table()}\n{END}{after}"


def table() -> str:
    """A column for each task, a row for each adapter; those that most are like share the last one."""
    tasks = sorted((p.spec for p in installed().tasks), key=lambda spec: spec.name)
    rows: dict[tuple[str, ...], list[str]] = {}
    for adapter in sorted((p.spec for p in installed().adapters), key=lambda spec: spec.name):
        cells = tuple("no" if misfit(task, adapter) else "yes" for task in tasks)
        rows.setdefault(cells, []).append(f"`{adapter.name}`")
    most = max(rows, key=lambda cells: len(rows[cells]))
    rows[most] = ["every other"]
    last = sorted(rows.items(), key=lambda row: row[0] == most)
    return "\n".join(
        [
            "| adapter | " + " | ".join(task.name for task in tasks) + " |",
            "|---|" + "---|" * len(tasks),
            *(f"| {', '.join(names)} | {' | '.join(cells)} |" for cells, names in last),
            "",
        ]
    )


if __name__ == "__main__":
    main()
