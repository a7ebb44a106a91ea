"""Real text that is on every machine: what functions do, in the words of those who wrote them.

Each row is the first sentence of the docstring of a public function or class in an installed
library; its label is the topic of that library. Nothing is imported, the sources are only read.
"""

import ast
import csv
import importlib.util
import random
import re
from collections.abc import Iterator
from pathlib import Path

# Parts of libraries whose functions are all about one thing.
TOPICS = {
    "arrays": ("numpy.lib", "numpy.linalg", "numpy.ma", "numpy.fft"),
    "learning": ("sklearn.linear_model", "sklearn.ensemble", "sklearn.metrics", "sklearn.cluster"),
    "networking": ("http", "urllib", "email", "asyncio"),
    "neural networks": ("torch.nn.modules", "torch.optim"),
    "plotting": ("matplotlib.axes", "matplotlib.figure", "matplotlib.pyplot", "matplotlib.patches"),
    "tables": (
        "pandas.core.frame",
        "pandas.core.series",
        "pandas.core.groupby",
        "pandas.core.reshape",
    ),
}


def write_table(path: Path, *, rows_per_topic: int, seed: int = 0) -> None:
    """Write a CSV with the columns ``sentence`` and ``topic``."""
    chance = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("sentence", "topic"))
        for topic, modules in TOPICS.items():
            found = sorted({s for module in modules for s in sentences(module)})
            for sentence in chance.sample(found, rows_per_topic):
                table.writerow((sentence, topic))


def sentences(module: str) -> Iterator[str]:
    """First sentences of the docstrings of public functions and classes in a module."""
    for source in _sources(module):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                yield from _first_sentence(ast.get_docstring(node) or "")


def _sources(module: str) -> list[Path]:
    library, *rest = module.split(".")
    spec = importlib.util.find_spec(library)  # of a top-level name: finds without importing
    assert spec is not None, library
    assert spec.origin is not None, library
    folder = Path(spec.origin).parent.joinpath(*rest)
    if not folder.is_dir():
        return [folder.with_suffix(".py")]
    return [p for p in sorted(folder.rglob("*.py")) if "tests" not in p.parts]


def _first_sentence(docstring: str) -> Iterator[str]:
    paragraph = " ".join(docstring.split("\n\n")[0].split())
    sentence = re.split(r"(?<=\.)\s", paragraph)[0]
    plain = re.sub(r"[`*]|:\w+:", "", sentence)
    if 5 <= len(plain.split()) <= 30:
        yield plain
