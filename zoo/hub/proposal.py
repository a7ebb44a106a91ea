"""A pull request instead of a commit to the branch: made once, also where its reply is lost."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping

from zoo.errors import AccessDenied, HubError, HubUnreachable, RepoNotFound
from zoo.hub.client import Client, shown_endpoint
from zoo.hub.commit import ATTEMPTS, Sent, make, require_complete, wait_after
from zoo.hub.head import head_of
from zoo.hub.plan import Plan
from zoo.hub.translate import told
from zoo.hub.upload import uploaded
from zoo.progress import Progress

_LOOKED_AT = 10  # open pull requests, the newest first


def waiting(client: Client, repo: str, plan: Plan) -> Sent | None:
    """The newest open pull request after which the repo would be as planned, if there is one."""
    try:
        with told(client, repo):
            found = client.ask(f"/api/models/{repo}/discussions?type=pull_request&status=open")
            numbers = sorted((int(each["num"]) for each in found["discussions"]), reverse=True)
        for number in numbers[:_LOOKED_AT]:
            head = head_of(client, repo, f"refs/pr/{number}")
            if head is not None and head.commit is not None and plan.is_done(head):
                return Sent(head.commit, f"{_place(client, repo)}/{number}")
    except HubError:  # a hub need not tell; whatever else is wrong, the push itself will meet
        return None
    return None


def propose(
    client: Client,
    repo: str,
    plan: Plan,
    *,
    branch: str,
    parent: str | None,
    message: str,
    progress: Progress,
) -> Sent:
    """Open a pull request that brings ``branch`` from ``parent`` to ``plan``.

    Raises:
        HubError: the hub refused or failed; there is no pull request.
        CorruptFile: a file changed here in the meantime; there is none either.
    """
    before = _opened(client, repo)
    for attempt in itertools.count(1):
        with uploaded(
            client, repo, plan, branch=branch, progress=progress, create_pr=True
        ) as additions:
            try:
                made = make(client, repo, plan, additions, branch, parent, message, create_pr=True)
            except (AccessDenied, RepoNotFound):
                raise
            except HubError as err:
                found = _look_again(client, repo, plan, before, err)
                if found is not None:
                    return found
                wait = wait_after(err, attempt)
                if wait is None or attempt == ATTEMPTS:
                    raise
                time.sleep(wait)
            else:
                require_complete(client, repo, plan, str(made.pr_revision), str(made.oid))
                return Sent(str(made.oid), str(made.pr_url))
    raise AssertionError("counting does not end")


def _opened(client: Client, repo: str) -> dict[str, str]:
    """Pull requests and their commits, by ref."""
    with told(client, repo):
        found = client.api.list_repo_refs(repo, include_pull_requests=True).pull_requests
    return {each.ref: each.target_commit for each in found or []}


def _look_again(
    client: Client, repo: str, plan: Plan, before: Mapping[str, str], err: HubError
) -> Sent | None:
    """The pull request that arrived though its reply did not: new, and with what was sent."""
    place = _place(client, repo)
    try:
        for ref, commit in _opened(client, repo).items():
            head = None if ref in before else head_of(client, repo, ref)
            if head is not None and plan.is_done(head):
                number = ref.rpartition("/")[2]
                return Sent(commit, f"{place}/{number}")
    except HubError:
        raise HubUnreachable(
            f"{err.message} Whether the pull request arrived is not known.",
            hint=f"Look for it at {place} before you push again.",
        ) from err
    return None


def _place(client: Client, repo: str) -> str:
    return f"{shown_endpoint(client.endpoint)}/{repo}/discussions"
