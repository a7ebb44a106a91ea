"""The lines of a fit as TensorBoard's scalars."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from zoo.plugin import Callback


class TensorBoard(Callback):
    """Scalars by epoch: validation metrics, training loss, learning rate; and the loss by step."""

    def begin(self, folder: Path, request: Mapping[str, Any]) -> None:
        """Open the event file."""
        self._writer = SummaryWriter(str(folder))
        self._text("request", request)

    def step(self, line: Mapping[str, Any]) -> None:
        """Write loss and learning rate of the step."""
        for name in ("loss", "lr"):
            self._writer.add_scalar(f"step/{name}", line[name], line["step"])

    def epoch(self, line: Mapping[str, Any]) -> None:
        """Write what the line says."""
        step = line["epoch"]
        for name, value in line["val"].items():
            self._writer.add_scalar(f"val/{name}", value, step)
        for name in ("train_loss", "lr", "seconds"):
            if name in line:
                self._writer.add_scalar(f"train/{name}", line[name], step)
        self._writer.flush()

    def end(self, record: Mapping[str, Any]) -> None:
        """Write the results and close the file."""
        self._text("results", {"results": record["results"]})
        self._writer.close()

    def _text(self, name: str, content: Mapping[str, Any]) -> None:
        self._writer.add_text(name, f"```json\n{json.dumps(content, indent=2)}\n```")
