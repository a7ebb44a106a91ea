"""One atomic commit, or none: uploads first, and a look at the branch whenever a reply is missing."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationDelete
from huggingface_hub.errors import HfHubHTTPError, HTTPError  # type: ignore[attr-defined]

from zoo.errors import AccessDenied, HeadMoved, HubError, HubUnreachable, RepoNotFound
from zoo.hub.client import Client
from zoo.hub.exchange import wait_for
from zoo.hub.head import Head, head_of
from zoo.hub.plan import Plan
from zoo.hub.repo import COMMIT
from zoo.hub.translate import chain, not_a_hub, reason, told
from zoo.hub.upload import IGNORED, uploaded
from zoo.progress import Progress

ATTEMPTS = 3


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
        RepoNotFound: the repo or the branch is gone.
        HubError: the hub refused or failed; the branch is as it was.
        CorruptFile: a file changed here in the meantime; the branch is as it was.
    """
    for attempt in itertools.count(1):
        with (
            _gone(client, repo, branch),
            uploaded(client, repo, plan, branch=branch, progress=progress) as additions,
        ):
            try:
                made = make(client, repo, plan, additions, branch, parent, message)
            except (AccessDenied, RepoNotFound):
                raise
            except HubError as err:
                head = _look_again(client, repo, branch, err)
                if head.commit is not None and plan.is_done(head):
                    return Sent(head.commit)  # the commit landed and its reply was lost
                wait = wait_after(err, attempt)
                if head.commit not in (None, parent):
                    if not force:
                        raise moved(client, repo, branch, head) from err
                    plan, parent, wait = plan.against(head), head.commit, 0.0
                if wait is None or attempt == ATTEMPTS:
                    raise
                time.sleep(wait)
            else:
                require_complete(client, repo, plan, branch, str(made.oid))
                return Sent(str(made.oid))
    raise AssertionError("counting does not end")


def make(
    client: Client,
    repo: str,
    plan: Plan,
    additions: Sequence[CommitOperationAdd],
    branch: str,
    parent: str | None,
    message: str,
    *,
    create_pr: bool = False,
) -> CommitInfo:
    """Ask once for the commit; raises :class:`~zoo.errors.HubError`, also where only its reply is lost."""
    with told(client, repo, branch):
        made = client.api.create_commit(
            repo,
            [*additions, *(CommitOperationDelete(path) for path in plan.deleted)],
            commit_message=message,
            revision=branch,
            parent_commit=parent,
            create_pr=create_pr,
        )
        if not COMMIT.match(str(made.oid)):
            raise not_a_hub(client)
    return made


@contextlib.contextmanager
def _gone(client: Client, repo: str, branch: str) -> Iterator[None]:
    """It was there a moment ago: say that, and not that its name may be misspelt."""
    try:
        yield
    except RepoNotFound as err:
        raise RepoNotFound(
            f"{repo}{client.where}, or its branch {branch}, was deleted or renamed while this was "
            "pushed; nothing was committed.",
            hint="Push again to make it anew.",
        ) from err


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
    for each in chain(err):
        if isinstance(each, (HTTPError, HfHubHTTPError)):
            return wait_for(each, attempt)
    return None


def moved(client: Client, repo: str, branch: str, head: Head) -> HeadMoved:
    """Somebody else committed first."""
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
            f"{repo} took the commit {commit[:12]} without {', '.join(missing[:5])}.", hint=IGNORED
        )
