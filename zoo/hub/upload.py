"""The first half of a push: contents to the hub, where they mean nothing until a commit names them."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence

from huggingface_hub import CommitOperationAdd
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # public, not in __all__
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
)

from zoo.errors import HubError
from zoo.hub.client import Client, quiet
from zoo.hub.outgoing import LARGE, SMALL, require_unchanged
from zoo.hub.plan import Plan
from zoo.hub.sending import Sending
from zoo.hub.translate import told
from zoo.progress import Progress
from zoo.waits import bounded

IGNORED = "Look for them in the repo's .gitignore, remove those lines, and push again."


@contextlib.contextmanager
def uploaded(
    client: Client,
    repo: str,
    plan: Plan,
    *,
    branch: str,
    progress: Progress,
    create_pr: bool = False,
) -> Iterator[list[CommitOperationAdd]]:
    """Send what the hub does not have, and give what a commit then names.

    The client library sends each file again a few times where the line breaks or the hub fails.

    Raises:
        HubError: the hub refused or failed, or does not take a file.
        CorruptFile: a file changed here since it was hashed.
    """
    total = sum(file.size for file in plan.changed)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_silence())
        stack.enter_context(bounded())
        advance = stack.enter_context(progress.stage(f"pushing to {repo}", total))
        files = [stack.enter_context(Sending(file, advance)) for file in plan.changed]
        additions = [file.addition() for file in files]
        stack.enter_context(_watching(files))
        with told(client, repo, branch):
            for group in _groups(additions):
                client.api.preupload_lfs_files(
                    repo, group, revision=branch, create_pr=create_pr, free_memory=False
                )
        _require_taken(repo, additions)
        require_unchanged(plan.files)
        yield additions


def _groups(additions: Sequence[CommitOperationAdd]) -> Iterator[list[CommitOperationAdd]]:
    """Small files together; large ones one at a time in this thread, so that Ctrl-C stops them."""
    large = [
        each
        for each in additions
        if each.path_in_repo.endswith(LARGE) or each.upload_info.size > SMALL
    ]
    yield [each for each in additions if each not in large]
    yield from ([each] for each in large)


def _require_taken(repo: str, additions: Sequence[CommitOperationAdd]) -> None:
    """The client drops without a word what the repo's .gitignore names."""
    ignored = [each.path_in_repo for each in additions if getattr(each, "_should_ignore", False)]
    if ignored:
        raise HubError(
            f"{repo} ignores {', '.join(ignored[:5])}; nothing was committed.", hint=IGNORED
        )


@contextlib.contextmanager
def _watching(files: Sequence[Sending]) -> Iterator[None]:
    """Whatever the library makes of a file that changes under its hands, say that it did."""
    try:
        yield
    except Exception as err:
        for file in files:
            if file.changed:
                raise file.error() from err
        raise


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the library's talk, bars, and warnings about our own ways of calling it to itself."""
    showed_bars = not are_progress_bars_disabled()
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        disable_progress_bars()
        try:
            yield
        finally:
            if showed_bars:
                enable_progress_bars()
