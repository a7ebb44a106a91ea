"""Two ways to do the same work, run in turn, and what is kept of it."""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

FOLDER = Path(__file__).with_suffix("").parent
TABLE = FOLDER.parent / "engine.md"
RESULTS = FOLDER.parent / "engine.json"

Clock = Callable[[], float]
Work = Callable[[], float | None]


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        what, peer: in words.
        wanted: the ratio that was set as the goal, as ``>= 17`` or ``<= 1.01``.
        ratio: peer's median over ours, or ours over the peer's where less is better.
        ours, theirs: seconds of each round, or another unit where ``unit`` says so.
        quality: what both reached, where that can be compared.
    """

    what: str
    peer: str
    wanted: str
    ratio: float
    ours: list[float]
    theirs: list[float]
    unit: str = "s"
    quality: dict[str, float] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        sign, _, bound = self.wanted.partition(" ")
        return self.ratio >= float(bound) if sign == ">=" else self.ratio <= float(bound)


@dataclass(frozen=True)
class Setup:
    """How a benchmark is run.

    Attributes:
        shared: the folder with data/ and hub/.
        rounds: how often each side is run.
        rows: rows of data to train on.
        clock: what time is taken with.
    """

    shared: Path
    rounds: int
    rows: int
    clock: Clock

    def race(
        self,
        what: str,
        peer: str,
        wanted: str,
        *,
        ours: Work,
        theirs: Work,
        warm_up: bool = True,
    ) -> Row:
        """Run both in turn; a side may return how good it was."""
        if warm_up:
            theirs()
            ours()
        times: dict[str, list[float]] = {"ours": [], "theirs": []}
        quality: dict[str, float] = {}
        for turn in range(self.rounds):
            sides = [("theirs", theirs), ("ours", ours)]
            for name, work in sides if turn % 2 == 0 else reversed(sides):
                gc.collect()
                start = self.clock()
                reached = work()
                times[name].append(self.clock() - start)
                if reached is not None:
                    quality[name] = reached
        medians = {name: statistics.median(taken) for name, taken in times.items()}
        ratio = medians["theirs"] / medians["ours"]
        if wanted.startswith("<="):
            ratio = 1 / ratio
        return Row(what, peer, wanted, ratio, times["ours"], times["theirs"], quality=quality)


def wall() -> float:
    """Seconds that pass."""
    return time.perf_counter()


def cpu() -> float:
    """Seconds that this process computes, all threads together: for a busy machine."""
    return time.process_time()


def keep(rows: list[Row], about: Mapping[str, object]) -> None:
    """Write JSON and table; rows of an earlier run stay until they are run again."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"rows": {}}
    for row in rows:
        known["rows"][row.what] = {**asdict(row), "about": dict(about)}
    RESULTS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
    lines = [
        "# The engine against its peers",
        "",
        "Medians; the ratio is how many times faster zoo is, or zoo's share of the peer's time "
        "where at most something is wanted. Both sides run in turn in one process. Made by "
        "`python -m benchmarks.engine ../shared`; how each row was run stands in engine.json.",
        "",
        "| what | peer | wanted | ratio | by round | zoo | peer's | quality: zoo, peer |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, held in sorted(known["rows"].items()):
        row = Row(**{key: value for key, value in held.items() if key != "about"})
        lines.append(_line(name, row))
    TABLE.write_text("\n".join(lines) + "\n")


def _line(name: str, row: Row) -> str:
    less = row.wanted.startswith("<=")
    rounds = [o / t if less else t / o for o, t in zip(row.ours, row.theirs, strict=True)]
    each = " ".join(f"{ratio:.2f}" for ratio in rounds)
    ours, theirs = statistics.median(row.ours), statistics.median(row.theirs)
    quality = ", ".join(f"{row.quality[k]:.3f}" for k in ("ours", "theirs") if k in row.quality)
    mark = "" if row.met else " (not met)"
    return (
        f"| {name} | {row.peer} | {row.wanted} | {row.ratio:.2f}{mark} | {each} "
        f"| {ours:.3g} {row.unit} | {theirs:.3g} {row.unit} | {quality} |"
    )
