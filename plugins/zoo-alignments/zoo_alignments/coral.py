"""Deep CORAL: the covariances of source and target are drawn together.

``‖C_s - C_t‖² / (4 d²)`` with the Frobenius norm and unbiased covariances of ``d`` numbers (Sun and
Saenko 2016, arXiv:1607.01719, equations 1 to 3).
"""

from __future__ import annotations

from torch import Tensor

from zoo.plugin import Alignment, AlignStep


class Coral(Alignment):
    """On the logits, as in the paper, or on the features below them; the weight is constant."""

    def loss(self, step: AlignStep) -> Tensor:
        """The weighted distance of covariances."""
        weight: float = self.settings["weight"]
        if self.settings["layer"] == "logits":
            return weight * coral(step.source_logits, step.target_logits)
        return weight * coral(step.source_features, step.target_features)


def coral(source: Tensor, target: Tensor) -> Tensor:
    """Of ``[rows, size]`` each, at least two rows."""
    size = source.shape[1]
    return (covariance(source) - covariance(target)).square().sum() / (4 * size**2)


def covariance(rows: Tensor) -> Tensor:
    """Unbiased, ``[size, size]``."""
    centred = rows - rows.mean(dim=0)
    return centred.T @ centred / (len(rows) - 1)
