"""What listing costs with very many plugins, against importlib.metadata on the same environment.

Distributions with 100 backbones each are written beside this Python's own packages. Each figure is
the processor time of a fresh process, the least of several rounds, so that a busy machine does not
decide; the two sides take turns. Run it with the Python of an environment in which zoo is installed::

    python benchmarks/many_plugins.py
"""

import compileall
import os
import subprocess
import sys
import tempfile
from pathlib import Path

DISTRIBUTIONS, SPECS = 200, 100
LIMIT, ALLOWANCE = 3.0, 0.2  # listing may take LIMIT times the scan, and ALLOWANCE seconds

_HOOKS = """\
from zoo.plugin import BackboneSpec, hookimpl


@hookimpl
def zoo_backbones():
    return [
        BackboneSpec(
            name=f"many{number:03d}:model-{{n}}",
            loader="{package}.model:load",
            modality="image",
            source="pip:{package}",
            summary="one of a hundred",
            license="apache-2.0",
            params=1_000_000 + n,
            feature_size=512,
            input_size=(3, 224, 224),
            tags=("made", "many"),
            verified="architecture",
        )
        for n in range({specs})
    ]
"""

_TIMED = (
    "import time\n{before}\nstart = time.process_time()\n{work}\nprint(time.process_time() - start)"
)
# Who the distributions are and what they offer: what is needed to name them in a listing.
SCAN = _TIMED.format(
    before="import importlib.metadata as m",
    work="[(d.name, d.version, d.entry_points) for d in m.distributions()]",
)
# Only one group of the entry points, without names and versions: the strictest peer there is.
POINTS = _TIMED.format(before="import importlib.metadata as m", work="m.entry_points(group='zoo')")
_API = "import zoo.host, zoo.registry, zoo.plugin"
WORK = {
    "listing": _TIMED.format(before=_API, work="zoo.host.Host().backbones"),
    "zoo show": _TIMED.format(
        before=_API, work="zoo.registry.load().backbone(zoo.host.Host(), 'many001:model-7')"
    ),
    "near miss": _TIMED.format(
        before=_API + "\nfrom zoo.errors import UnknownName",
        work="try:\n    zoo.registry.load().backbone(zoo.host.Host(), 'many001:modle-7')\n"
        "except UnknownName as err:\n    assert 'many001:model-7' in str(err)",
    ),
}


def write_distributions(folder: Path, count: int, specs: int = SPECS) -> None:
    """Write installed distributions with a plugin each, compiled as pip leaves them."""
    for number in range(count):
        package = f"zoo_many_{number:03d}"
        info = folder / f"{package}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: zoo-many-{number:03d}\nVersion: 1.0\n"
            "Requires-Dist: zoo\n\nA plugin among many.\n"
        )
        (info / "entry_points.txt").write_text(f"[zoo]\nmany-{number:03d} = {package}.hooks\n")
        (folder / package).mkdir()
        (folder / package / "__init__.py").write_text("")
        source = _HOOKS.format(number=number, package=package, specs=specs)
        (folder / package / "hooks.py").write_text(source)
    compileall.compile_dir(folder, quiet=2)


def seconds(script: str, folder: Path) -> float:
    """Processor time that the timed part of ``script`` takes in a fresh process."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    run = [sys.executable, "-c", script]
    return float(subprocess.run(run, env=environment, check=True, capture_output=True).stdout)


def measure(
    count: int = DISTRIBUTIONS, rounds: int = 5, only: str | None = None
) -> dict[str, float]:
    """Seconds of each part of the work, and of the two scans, with ``count`` distributions."""
    scripts = {"scan": SCAN, "entry points": POINTS, **WORK}
    if only:
        scripts = {only: scripts[only]}
    with tempfile.TemporaryDirectory() as folder:
        write_distributions(Path(folder), count)
        times = {
            name: [seconds(s, Path(folder)) for _ in range(rounds)] for name, s in scripts.items()
        }
    return {name: min(all_of_them) for name, all_of_them in times.items()}


def main() -> None:
    measured = measure()
    print(f"{DISTRIBUTIONS} distributions with {SPECS} backbones each, processor time")
    for peer in ("scan", "entry points"):
        allowed = LIMIT * measured[peer] + ALLOWANCE
        print(
            f"  importlib.metadata, {peer:<13} {measured[peer]:.3f} s, so at most {allowed:.3f} s"
        )
    for name in WORK:
        ratio = (measured[name] - ALLOWANCE) / measured["scan"]
        print(f"  {name:<33} {measured[name]:.3f} s: 0.2 s and {max(ratio, 0):.2f} times the scan")
    print("cost by number of distributions")
    for count in (50, 100, 200, 400):
        found = measure(count, rounds=3, only="listing")
        each = 1000 * found["listing"] / count
        print(f"  {count:>3}: listing {found['listing']:.3f} s, {each:.2f} ms each")


if __name__ == "__main__":
    main()
