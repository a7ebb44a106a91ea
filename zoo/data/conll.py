"""CoNLL files: a token and its tag a line, a blank line between sentences.

A sentence becomes a text, its tokens with a space between them, and their tags as a JSON list.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SUFFIXES = frozenset({".conll", ".bio", ".iob", ".iob2"})
TEXT, TAGS = "text", "tags"
_DOCUMENT = "-DOCSTART-"


def read_conll(path: Path) -> tuple[Any, list[int]]:
    """A ``pyarrow.Table`` of texts and tags, and the line where each sentence begins.

    The token is the first column and the tag the last, with tabs or else blanks between them.

    Raises:
        ValueError: a line without a tag, or a tag that is none.
        OSError, UnicodeDecodeError: the file cannot be read.
    """
    import pyarrow  # type: ignore[import-untyped,unused-ignore]  # it has no annotations

    texts, tags, numbers = [], [], []
    sentence: list[tuple[str, str]] = []
    lines = path.read_text(encoding="utf-8-sig").split("\n")
    for number, line in enumerate([*lines, ""], start=1):
        if line.strip() and not line.startswith(_DOCUMENT):
            if not sentence:
                numbers.append(number)
            sentence.append(_token(line, number))
        elif sentence:
            texts.append(" ".join(token for token, _ in sentence))
            tags.append(json.dumps([tag for _, tag in sentence], ensure_ascii=False))
            sentence = []
    columns = {TEXT: texts, TAGS: tags}
    arrays = {name: pyarrow.array(cells, pyarrow.string()) for name, cells in columns.items()}
    return pyarrow.table(arrays), numbers


def _token(line: str, number: int) -> tuple[str, str]:
    cells = line.rstrip("\r").split("\t") if "\t" in line else line.split()
    token, tag = cells[0].strip(), cells[-1].strip()
    if len(cells) < 2 or not token:
        raise ValueError(f"line {number} is not a token and its tag")
    if tag != "O" and not (tag[:2] in ("B-", "I-", "E-", "S-") and tag[2:]):
        raise ValueError(f"line {number} has the tag {tag[:40]!r}; tags are O, B-TYPE and I-TYPE")
    return "_".join(token.split()), tag
