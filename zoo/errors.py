"""Every error a user can cause, as one tree.

::

    ZooError                    exit 1: the work was understood and failed
    ├── InputError              exit 2: what was typed or given cannot be used
    │   ├── UnknownName           no plugin provides that name
    │   ├── NameClash             two distributions provide that name
    │   ├── BadSetting            an option outside what its owner allows
    │   ├── Incompatible          parts that do not fit each other
    │   ├── OutputExists          the destination holds something else
    │   ├── RegistryInvalid       a registry.toml that cannot be used
    │   ├── LicenceConflict       a licence that contradicts the backbone's or the data's
    │   ├── PolicyInvalid         a trust policy or a key that cannot be used
    │   ├── LockInvalid           a zoo.lock that cannot be used
    │   ├── NothingToResume       a fit that was never begun, or is finished
    │   ├── CheckpointMismatch    a checkpoint of another model, data set or training
    │   └── DataError             the user's own data
    │       ├── DataNotFound        nothing there, or nothing recognised
    │       ├── UnreadableFiles     files that do not decode
    │       ├── ColumnMissing       a table without the column
    │       ├── LabelProblem        too few, blank or unseen labels
    │       └── ContractViolation   samples the backbone was not made for
    ├── PluginError             a plugin that cannot be used
    │   ├── InvalidSpec           a spec that breaks the plugin API
    │   └── MissingPlugin         an artifact or name needs a plugin not installed
    ├── WeightsNotFound         a backbone's weights are nowhere to be had
    ├── WeightsInvalid          they are there and cannot be used: incomplete, damaged, naming code
    ├── TrainingFailed          a fit that cannot go on
    ├── ProcessFailed           one of several processes, without which the others cannot go on
    ├── CheckpointInvalid       a checkpoint that is damaged, or that a later zoo wrote
    ├── WriteFailed             the disk is full, or the place cannot be written
    ├── PushRefused             an installed plugin does not let an artifact be pushed
    ├── LockDrift               what is there is not what zoo.lock pins
    ├── ArtifactError           an artifact that is refused
    │   ├── NotAnArtifact         no readable manifest
    │   ├── NewerFormat           written by a later zoo
    │   ├── CorruptFile           bytes differ from the manifest, or do not parse
    │   ├── UnsafeFile            a kind of file zoo never opens
    │   ├── TensorMismatch        tensors missing, extra or of another shape
    │   ├── NotTrusted            not signed, or not by a key that is trusted
    │   ├── BackboneMismatch      the backbone is not the one trained on
    │   │   └── BackboneMisstated  it is, and the manifest says what it does not say of itself
    │   └── ProbeMismatch         the model answers differently from the one saved
    └── HubError                a hub said no, or did not say anything
        ├── RepoNotFound          no such repo or revision
        ├── AccessDenied          no token, or one without the right
        ├── HeadMoved             somebody else committed first
        └── HubUnreachable        no answer, or not a hub's answer

Each says what was received and what is valid; ``hint`` says what to type next.
"""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Collection, Iterable, Mapping

_FEW = 200


class ZooError(Exception):
    """Base of everything zoo raises on purpose.

    ``exit_code`` is what the command line ends with: 1 failed, 2 bad input.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class InputError(ZooError):
    """What was typed or given cannot be used."""

    exit_code = 2


class UnknownName(InputError):
    """No installed plugin provides the name.

    Attributes:
        here: of each distribution with plugins, why it does not.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        known: Iterable[str],
        *,
        hint: str = "",
        here: Mapping[str, str] | None = None,
    ) -> None:
        self.here = dict(here or {})
        names = sorted(known)
        near = _near(name, names)
        if near:
            advice = f"Did you mean {' or '.join(repr(n) for n in near)}?"
        elif names:
            advice = f"Valid: {', '.join(names[:8])}{', …' if len(names) > 8 else ''}."
        else:
            advice = f"No {kind} is installed."
        listing = f"`zoo {kind}s` lists them all."
        if kind == "callback":  # no list of their own
            listing = "`zoo plugins` shows what each provides."
        super().__init__(f"Unknown {kind} {name!r}. {advice}", hint=hint or listing)


def _near(name: str, names: list[str]) -> list[str]:
    """Names that may have been meant, likeliest first.

    difflib takes a third of a second for twenty thousand names, so where there are many it sees
    only those that share most pairs of neighbouring letters with ``name``.
    """
    if len(names) > _FEW:
        pairs = {name[i : i + 2] for i in range(len(name) - 1)}
        ranked = [(sum(map(other.__contains__, pairs)), -len(other), other) for other in names]
        names = [other for _, _, other in heapq.nlargest(_FEW, ranked)]
    return difflib.get_close_matches(name, names, n=3, cutoff=0.5)


class NameClash(InputError):
    """Two distributions provide one name; zoo never picks one by order.

    Args:
        kind: of what the name is.
        name: that both provide.
        distributions: who does, with versions.
        keep: names of distributions that are not advised to be removed while another can be.
    """

    def __init__(
        self, kind: str, name: str, distributions: Iterable[str], keep: Collection[str] = ()
    ) -> None:
        owners = sorted(set(distributions), key=lambda owner: (owner.split()[0] not in keep, owner))
        if len(owners) == 1:
            message = f"The {kind} {name!r} is provided twice by {owners[0]}."
            hint = f"Report this to its authors; until then `pip uninstall {owners[0].split()[0]}`."
        else:
            message = f"The {kind} {name!r} is provided by {' and by '.join(owners)}."
            hint = f"Uninstall one of them, e.g. `pip uninstall {owners[-1].split()[0]}`."
        super().__init__(message, hint=hint)


class BadSetting(InputError):
    """An option its owner does not have, or a value outside what it allows."""


class Incompatible(InputError):
    """A backbone, adapter and task that do not fit each other."""


class OutputExists(InputError):
    """The destination holds something that would be lost."""


class RegistryInvalid(InputError):
    """A ``registry.toml`` that cannot be used."""


class LicenceConflict(InputError):
    """The model's licence contradicts the backbone's or the data's."""


class PolicyInvalid(InputError):
    """A trust policy, or a key, that cannot be used."""


class LockInvalid(InputError):
    """A ``zoo.lock`` that cannot be used."""


class NothingToResume(InputError):
    """A fit that was never begun, or is finished."""


class CheckpointMismatch(InputError):
    """A checkpoint of another model, data set or training."""


class DataError(InputError):
    """The user's data cannot be used as it is."""


class DataNotFound(DataError):
    """Nothing at the path, or nothing zoo recognises."""


class UnreadableFiles(DataError):
    """Files that do not decode."""


class ColumnMissing(DataError):
    """A table has no such column, or none could be guessed."""


class LabelProblem(DataError):
    """Labels are too few, blank, or unknown to the model."""


class ContractViolation(DataError):
    """Samples are not what the backbone was made for."""


class PluginError(ZooError):
    """A plugin cannot be used."""


class InvalidSpec(PluginError):
    """A spec breaks the plugin API."""


class MissingPlugin(PluginError):
    """Something needs a plugin that is not installed."""


class WeightsNotFound(ZooError):
    """A backbone's weights are nowhere to be had."""


class WeightsInvalid(ZooError):
    """A backbone's weights are there and cannot be used: incomplete, damaged, or naming code."""


class TrainingFailed(ZooError):
    """A fit cannot go on."""


class ProcessFailed(ZooError):
    """One of several processes cannot go on, nor can the others without it."""


class CheckpointInvalid(ZooError):
    """A checkpoint that is damaged, or that a later zoo wrote."""


class WriteFailed(ZooError):
    """The disk is full, or the place cannot be written."""


class PushRefused(ZooError):
    """An installed plugin does not let an artifact be pushed."""


class LockDrift(ZooError):
    """What is asked for, or found, is not what ``zoo.lock`` pins."""


class ArtifactError(ZooError):
    """An artifact is refused."""


class NotAnArtifact(ArtifactError):
    """There is no readable manifest."""

    exit_code = 2


class NewerFormat(ArtifactError):
    """The artifact was written by a later zoo."""


class CorruptFile(ArtifactError):
    """A file's bytes differ from the manifest, or do not parse."""


class UnsafeFile(ArtifactError):
    """A file of a kind that zoo never opens."""


class TensorMismatch(ArtifactError):
    """Tensors are missing, extra, or of another shape or type."""


class NotTrusted(ArtifactError):
    """There is no signature, or not one by a key that is trusted."""


class BackboneMismatch(ArtifactError):
    """The backbone found is not the one the artifact was trained on."""


class BackboneMisstated(BackboneMismatch):
    """The manifest says of the backbone what it does not say of itself."""


class ProbeMismatch(ArtifactError):
    """The model answers differently from the one that was saved."""


class HubError(ZooError):
    """A hub refused, failed or could not be understood."""


class RepoNotFound(HubError):
    """No such repo or revision, or none this token may see."""


class AccessDenied(HubError):
    """No token, or one without the right that is needed."""


class HeadMoved(HubError):
    """Somebody else committed to the branch first."""


class HubUnreachable(HubError):
    """The hub did not answer, or what answered is not a hub."""
