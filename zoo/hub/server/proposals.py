"""Pull requests: commits beside a branch, until they are merged into it or closed.

Beside its ref, ``prs/<number>``, each has a document in the repo's folder, ``proposals/<number>``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal

from zoo.hub.server.managed import ManagedRepo, now
from zoo.hub.server.refusal import Refusal, no_revision
from zoo.hub.server.replacing import write
from zoo.hub.server.repo import PR, Commit, Entry

FOLDER = "proposals"


@dataclass(frozen=True)
class Proposal:
    """A pull request and what became of it."""

    number: int
    title: str
    author: str
    created: str
    branch: str
    base: str
    status: Literal["open", "closed", "merged"] = "open"


def propose(
    repo: ManagedRepo,
    branch: str,
    changes: Mapping[str, Entry | None],
    *,
    title: str,
    message: str,
    author: str,
    parent: str | None,
) -> tuple[Proposal, Commit]:
    """Commit beside a branch, which stays where it is.

    It starts at ``parent``, where that is given, however far the branch has gone on.

    Raises:
        Refusal: there is no such branch or commit.
    """
    with repo.lock:
        if branch not in repo.branches:
            raise no_revision(branch)
        base = repo.resolve(parent or branch)
        made = repo.write_commit(base.id, changes, title=title, message=message, author=author)
        number = 1 + max(map(int, repo.pull_requests), default=0)
        found = Proposal(number, title, author, now(), branch, base.id)
        _keep(repo, found)
        repo.point("prs", str(number), made.id)
        return found, made


def proposals(repo: ManagedRepo) -> list[Proposal]:
    """All of them, newest first."""
    numbers = sorted(map(int, repo.pull_requests), reverse=True)
    return [_read(repo, number) for number in numbers]


def settle(repo: ManagedRepo, number: int, status: Literal["open", "closed"]) -> Proposal:
    """Close one, or open it again.

    Raises:
        Refusal: there is none (404), or it is merged (409).
    """
    with repo.lock:
        found = replace(_unmerged(repo, number), status=status)
        _keep(repo, found)
        return found


def merge(repo: ManagedRepo, number: int, author: str) -> Commit:
    """Bring what it changes into its branch, as one commit.

    Raises:
        Refusal: there is none (404), it is not open, or the branch changed the same files (409).
    """
    with repo.lock:
        found = _unmerged(repo, number)
        if found.status != "open":
            raise Refusal(409, f"Pull request {number} is {found.status}")
        base, head = repo.commit(found.base), repo.resolve(f"{PR}{number}")
        changes = dict(_difference(base, head))
        theirs = dict(_difference(base, repo.resolve(found.branch)))
        clash = sorted(p for p in changes if p in theirs and theirs[p] != changes[p])
        if clash:
            raise Refusal(409, f"The branch changed {', '.join(clash[:5])} as well")
        title = f"{found.title} (#{number})"
        made = repo.add(found.branch, changes, title=title, author=author)
        _keep(repo, replace(found, status="merged"))
        return made


def _difference(base: Commit, head: Commit) -> Iterator[tuple[str, Entry | None]]:
    for path in base.files.keys() | head.files.keys():
        if base.files.get(path) != head.files.get(path):
            yield path, head.files.get(path)


def _unmerged(repo: ManagedRepo, number: int) -> Proposal:
    if str(number) not in repo.pull_requests:
        raise Refusal(404, f"There is no pull request {number}")
    found = _read(repo, number)
    if found.status == "merged":
        raise Refusal(409, f"Pull request {number} is merged")
    return found


def _read(repo: ManagedRepo, number: int) -> Proposal:
    return Proposal(**json.loads((repo.folder / FOLDER / str(number)).read_bytes()))


def _keep(repo: ManagedRepo, proposal: Proposal) -> None:
    place = repo.folder / FOLDER
    place.mkdir(exist_ok=True)
    write(place / str(proposal.number), json.dumps(asdict(proposal)).encode())
