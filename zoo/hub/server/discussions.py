"""What is asked of pull requests: which there are, and to merge or close them."""

from __future__ import annotations

from typing import Any

from zoo.hub.server.managed import ManagedRepo, now
from zoo.hub.server.proposals import Proposal, merge, proposals, settle
from zoo.hub.server.refusal import Refusal
from zoo.hub.server.repo import Repo
from zoo.hub.server.wire import Answer, Request, as_json


def discussions(repo: Repo, request: Request) -> Answer:
    """All on one page."""

    def asked(name: str) -> str:
        return request.query.get(name, [""])[0]

    found = [
        _listed(repo, each)
        for each in (proposals(repo) if isinstance(repo, ManagedRepo) else [])
        if asked("status") in ("", "all", "open" if each.status == "open" else "closed")
        and asked("author") in ("", each.author)
        and asked("type") in ("", "all", "pull_request")
    ]
    return as_json({"discussions": found, "count": len(found), "start": 0})


def change(repo: ManagedRepo, number: str, what: str, request: Request) -> Answer:
    """Merge or close one, or open it again."""
    if not number.isdigit():
        raise Refusal(404, f"There is no pull request {number!r}")
    author = request.access.user if request.access else ""
    if what == "merge":
        return as_json({"commitOid": merge(repo, int(number), author).id})
    status = request.json().get("status")
    if what == "status" and status in ("open", "closed"):
        settle(repo, int(number), status)
        event = {
            "id": f"{number}-{status}",
            "type": "status-change",
            "createdAt": now(),
            "author": {"name": author},
            "data": {"status": status},
        }
        return as_json({"newStatus": event})
    raise Refusal(404, "This hub merges pull requests and closes them; it keeps no comments")


def _listed(repo: Repo, proposal: Proposal) -> dict[str, Any]:
    return {
        "num": proposal.number,
        "title": proposal.title,
        "author": {"name": proposal.author},
        "createdAt": proposal.created,
        "status": proposal.status,
        "repo": {"name": repo.id, "type": "model"},
        "isPullRequest": True,
    }
