"""Co-Tuning: the head that a backbone was pretrained with teaches beside the new one.

You et al. 2020, "Co-Tuning for Transfer Learning" (NeurIPS 33). A target class is read as a
distribution over source classes, p(source | target), and training adds
strength x cross-entropy(p(source | target), what the source head says), so that what the source
classes tell apart is not lost for want of target rows. The source head learns along and is thrown
away.

The relation is the paper's direct one, the mean of the source head's probabilities over a class's
training rows. Its temperature is left as it is: calibrating it needs rows of the source.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.plugin import Backbone, HeadProblem, Incompatible


def companion(backbone: Backbone, problem: HeadProblem, strength: float) -> CoTuning:
    """What adds the term.

    Raises:
        Incompatible: the backbone has no source head for these features, or the targets are no classes.
    """
    head = backbone.source_head()
    if head is None:
        raise Incompatible(
            f"co_tuning needs the classifier that {backbone.spec.name} was pretrained with, and its "
            "weights have none.",
            hint="Leave it out, or try `--set l2_sp=0.01`.",
        )
    classes = problem.targets
    if classes.ndim != 1 or classes.is_floating_point() or not problem.task.reads_pooled:
        raise Incompatible(
            f"co_tuning relates classes to classes; the targets of {problem.task.name} are none.",
            hint="Leave it out, or try `--set l2_sp=0.01`.",
        )
    head = copy.deepcopy(head).float().to(problem.features.device)
    with torch.no_grad():
        try:
            source = head(problem.features).softmax(1)
        except RuntimeError as err:  # it sat on another pooling
            raise Incompatible(
                f"The classifier that {backbone.spec.name} was pretrained with does not take its "
                f"features as they are pooled now ({backbone.pooling}).",
                hint="Leave out `--pooling` or co_tuning.",
            ) from err
    return CoTuning(head, relation(source, classes, len(problem.task.labels)), strength)


def relation(source: Tensor, targets: Tensor, classes: int) -> Tensor:
    """p(source class | target class), ``[classes, source classes]``.

    Args:
        source: probabilities of each row, ``[rows, source classes]``.
        targets: the class of each row; one that has no rows is like all of them together.
        classes: how many there are.
    """
    rows = functional.one_hot(targets, classes).T.to(source)
    counts = rows.sum(1, keepdim=True)
    return torch.where(counts > 0, rows @ source / counts.clamp(min=1), source.mean(0))


class CoTuning(nn.Module):
    """The term of a batch, ``[rows, feature_size]`` and classes to a scalar.

    Args:
        head: features to source logits; trained.
        relation: p(source class | target class).
        strength: factor on the mean cross-entropy.
    """

    relation: Tensor

    def __init__(self, head: nn.Module, relation: Tensor, strength: float) -> None:
        super().__init__()
        self.head = head.requires_grad_(True)
        self.register_buffer("relation", relation)
        self._strength = strength

    def forward(self, pooled: Tensor, targets: Tensor) -> Tensor:
        """Strength times the mean cross-entropy."""
        said = self.head(pooled).log_softmax(1)
        term: Tensor = -self._strength * (self.relation[targets] * said).sum(1).mean()
        return term
