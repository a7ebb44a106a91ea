"""From a recognised path to checked rows: what training and evaluation data share."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.data import folder, tables
from zoo.data.beside import unnamed
from zoo.data.check import check
from zoo.data.contract import InputContract
from zoo.data.labelling import Labelling
from zoo.data.recognise import Recognised
from zoo.data.rows import Found
from zoo.data.saved import hub_name
from zoo.errors import ContractViolation
from zoo.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How to read; the attributes are the arguments of :func:`zoo.data.load.load`."""

    modality: str | None
    input_column: str | None
    label_column: str | None
    skip_bad: bool
    contract: InputContract | None
    convert: bool
    progress: Progress | None
    labelling: Labelling
    outputs: Collection[str] = ()

    def read(self, recognised: Recognised, roles: Mapping[str, str]) -> Found:
        """Read and check the splits that play ``roles``.

        Raises:
            DataError: and all kinds of it that :func:`zoo.data.load.load` raises.
        """
        found = self._found(recognised, roles)
        notes = [*recognised.notes, *found.notes]
        if len(roles) == len(recognised.names):  # rows of other splits name images too
            notes += _unnamed(found)
        found = replace(found, notes=tuple(notes))
        return check(
            found,
            skip_bad=self.skip_bad,
            convert=self.convert,
            unlabelled=self.labelling.missing or not found.labelled,
            progress=self.progress,
        )

    def _found(self, recognised: Recognised, roles: Mapping[str, str]) -> Found:
        modality = self.modality or (self.contract.modality if self.contract else None)
        if recognised.tables is not None:
            return tables.read(
                hub_name(recognised.path),
                {role: recognised.tables[name] for role, name in roles.items()},
                what=recognised.what,
                modality=modality,
                input_column=self.input_column,
                label_column=self.label_column,
                labelling=self.labelling,
                outputs=self.outputs,
            )
        if modality not in (None, "image"):
            raise ContractViolation(
                f"{recognised.path} is an image folder; {modality} inputs are needed.",
                hint="Give a .csv, .tsv, .jsonl or .parquet table, or a backbone of those that "
                "`zoo backbones --modality image` lists.",
            )
        folders = recognised.folders or {}
        parts = {role: folders[name] for role, name in roles.items()}
        return folder.read(recognised.path, parts, skip_bad=self.skip_bad)


def _unnamed(found: Found) -> Iterator[str]:
    """A line about images among those of a table that it does not name."""
    if found.kind != "table" or found.modality != "image":
        return
    inputs = (row.input for rows in found.rows.values() for row in rows)
    left = unnamed({given for given in inputs if isinstance(given, Path)})
    if left:
        example = os.path.join(left[0].parent.name, left[0].name)
        yield f"images beside these that no row names, left out: {len(left)}, e.g. {example}"
