"""One atomic commit, or none: uploads first, and a look at the branch whenever a reply is missing.

Files are handed over as open files, never as paths: hf_xet takes paths only, and a hub without Xet
takes the LFS route only.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationDelete
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # public, not in __all__
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
)

from zoo.errors import AccessDenied, HeadMoved, HubError, HubUnreachable
from zoo.hub.client import Client, quiet
from zoo.hub.head import Head, head_of
from zoo.hub.outgoing import LARGE, SMALL, Outgoing, changed
from zoo.hub.plan import Plan
from zoo.hub.translate import chain, reason, status_of, told
from zoo.progress import Advance, Progress

ATTEMPTS = 3
_LONGEST_WAIT = 60.0  # seconds that a hub may ask us to wait for
_IGNORED = "Look for them in the repo's .gitignore, remove those lines, and push again."


@dataclass(frozen=True)
class Sent:
    """A commit that was made, and the pull request it is in, if it is in one."""

    commit: str
    pull_request: str | None = None


def send(
    client: Client,
    repo: str,
    plan: Plan,
    *,
    branch: str,
    parent: str | None,
    message: str,
    force: bool,
    progress: Progress,
) -> Sent:
    """Bring ``branch`` from ``parent`` to ``plan``.

    Raises:
        HeadMoved: somebody else committed first, and not ``force``.
        HubError: the hub refused or failed; the branch is as it was.
        CorruptFile: a file changed here in the meantime; the branch is as it was.
    """
    for attempt in itertools.count(1):
        try:
            made = once(client, repo, plan, branch, parent, message, progress)
        except AccessDenied:
            raise
        except HubError as err:
            head = _look_again(client, repo, branch, err)
            if head.commit is not None and plan.is_done(head):
                return Sent(head.commit)  # the commit landed and its reply was lost
            wait = wait_after(err, attempt)
            if head.commit not in (None, parent):
                if not force:
                    raise _moved(client, repo, branch, head) from err
                plan, parent, wait = plan.against(head), head.commit, 0.0
            if wait is None or attempt == ATTEMPTS:
                raise
            time.sleep(wait)
        else:
            require_complete(client, repo, plan, branch, str(made.oid))
            return Sent(str(made.oid))
    raise AssertionError("counting does not end")


def once(
    client: Client,
    repo: str,
    plan: Plan,
    branch: str,
    parent: str | None,
    message: str,
    progress: Progress,
    *,
    create_pr: bool = False,
) -> CommitInfo:
    """Upload, and commit once; raises as :func:`send`."""
    total = sum(file.size for file in plan.changed)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_silence())
        advance = stack.enter_context(progress.stage(f"pushing to {repo}", total))
        additions = [_addition(file, advance, stack) for file in plan.changed]
        stack.enter_context(told(client, repo, branch))
        for group in _groups(additions):
            client.api.preupload_lfs_files(
                repo, group, revision=branch, create_pr=create_pr, free_memory=False
            )
        _require_taken(repo, additions)
        return client.api.create_commit(
            repo,
            [*additions, *(CommitOperationDelete(path) for path in plan.deleted)],
            commit_message=message,
            revision=branch,
            parent_commit=parent,
            create_pr=create_pr,
        )


def _addition(file: Outgoing, advance: Advance, stack: contextlib.ExitStack) -> CommitOperationAdd:
    stream = stack.enter_context(_Stream(file.open(), advance))
    addition = CommitOperationAdd(file.path, cast(BinaryIO, stream))  # hashes it
    if addition.upload_info.sha256.hex() != file.sha256:
        raise changed(file.path)
    stream.counting = True
    return addition


def _groups(additions: list[CommitOperationAdd]) -> Iterator[list[CommitOperationAdd]]:
    """Small files together; large ones one at a time in this thread, so that Ctrl-C stops them."""
    large = [
        each
        for each in additions
        if each.path_in_repo.endswith(LARGE) or each.upload_info.size > SMALL
    ]
    yield [each for each in additions if each not in large]
    yield from ([each] for each in large)


def _require_taken(repo: str, additions: list[CommitOperationAdd]) -> None:
    """The client drops without a word what the repo's .gitignore names."""
    ignored = [each.path_in_repo for each in additions if getattr(each, "_should_ignore", False)]
    if ignored:
        raise HubError(
            f"{repo} ignores {', '.join(ignored[:5])}; nothing was committed.", hint=_IGNORED
        )


class _Stream(io.BufferedIOBase):
    """A file on its way: tells how far it is, once reading it means sending it."""

    def __init__(self, inner: BinaryIO, advance: Advance) -> None:
        self._inner = inner
        self._advance = advance
        self.counting = False

    def read(self, size: int | None = -1, /) -> bytes:
        """As any file."""
        piece = self._inner.read(-1 if size is None else size)
        if self.counting:
            self._advance(len(piece))
        return piece

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """As any file."""
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        """As any file."""
        return self._inner.tell()

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def close(self) -> None:
        """As any file."""
        self._inner.close()
        super().close()


def _look_again(client: Client, repo: str, branch: str, err: HubError) -> Head:
    try:
        return head_of(client, repo, branch) or Head(None, {})
    except HubError:
        raise HubUnreachable(
            f"{err.message} Whether the commit arrived is not known.",
            hint="Push again: it looks before it sends, and sends nothing twice.",
        ) from err


def wait_after(err: HubError, attempt: int) -> float | None:
    """Seconds until it may go better; ``None`` where it will not."""
    status = status_of(err)
    if not isinstance(err, HubUnreachable) or (status is not None and status < 429):
        return None
    asked = next((_retry_after(each) for each in chain(err) if isinstance(each, HfHubHTTPError)), 0)
    return None if asked > _LONGEST_WAIT else max(asked, float(attempt))


def _retry_after(err: HfHubHTTPError) -> float:
    text = err.response.headers.get("Retry-After") or "0"
    return float(text) if text.isdigit() else 0.0


def _moved(client: Client, repo: str, branch: str, head: Head) -> HeadMoved:
    who = "somebody"
    what = ""
    with contextlib.suppress(HubError), told(client, repo, branch):
        newest = client.api.list_repo_commits(repo, revision=branch)[0]
        who = reason(", ".join(newest.authors)) if newest.authors else who
        what = f" {reason(newest.title)!r}"
    return HeadMoved(
        f"{branch} of {repo} moved while this was pushed: {who} committed{what} "
        f"({str(head.commit)[:12]}); nothing was overwritten.",
        hint="Push again to put yours on top, which `--force` does at once; or push to another "
        "`--branch`.",
    )


def require_complete(client: Client, repo: str, plan: Plan, branch: str, commit: str) -> None:
    """Whatever the client and the hub say: what was sent has to be there."""
    head = head_of(client, repo, commit) or head_of(client, repo, branch)
    missing = [file.path for file in plan.files if head is None or file.path not in head.files]
    if missing:
        raise HubError(
            f"{repo} took the commit {commit[:12]} without {', '.join(missing[:5])}.",
            hint=_IGNORED,
        )


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
