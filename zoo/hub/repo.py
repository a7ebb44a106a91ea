"""What a hub says of a repo: one function a request.

Answers are read as any hub may give them: only what zoo needs has to be there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from zoo.errors import HubError
from zoo.hub.client import Client
from zoo.hub.translate import not_a_hub, status_of, told

COMMIT = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
MOST_FILES = 100_000

_MOST_PAGES = 1000
_LONGEST = 200  # characters of a repo's name

_NEXT = re.compile(r'<([^>]+)>\s*;[^,]*\brel="?next\b')
_NO_SUCH_THING = (404, 405, 501)


@dataclass(frozen=True)
class Info:
    """A repo at a revision.

    Attributes:
        id: its name now; another than the one asked for where it was renamed.
        commit: what the revision stands for; ``None`` for a repo without a commit.
    """

    id: str
    commit: str | None


@dataclass(frozen=True)
class Entry:
    """A file there: its size, and by what it is named, as far as the hub says."""

    size: int | None
    oid: str | None
    sha256: str | None


@dataclass(frozen=True)
class Refs:
    """Names and the commits they stand for."""

    branches: Mapping[str, str]
    tags: Mapping[str, str]


def info(client: Client, repo: str, revision: str | None = None) -> Info:
    """Ask for a repo.

    Raises:
        RepoNotFound, AccessDenied, HubUnreachable: the hub said no, or nothing.
    """
    with told(client, repo, revision):
        found = client.ask(_model(repo, *(["revision", revision] if revision else [])))
        name, commit = str(found.get("id") or repo), found.get("sha")
        if commit is not None and not (isinstance(commit, str) and COMMIT.match(commit)):
            raise not_a_hub(client)
        if name != repo and not (name.isascii() and name.isprintable() and len(name) <= _LONGEST):
            raise not_a_hub(client)
    return Info(name, commit)


def files(client: Client, repo: str, commit: str) -> dict[str, Entry]:
    """The files of a commit by path; from the repo's own page where a hub has no trees.

    Raises:
        HubError: the hub said no, or nothing, or lists more files than any repo should have.
    """
    try:
        return _tree(client, repo, commit)
    except HubError as err:
        if status_of(err) not in _NO_SUCH_THING:
            raise
    with told(client, repo, commit):
        found = client.ask(f"{_model(repo, 'revision', commit)}?blobs=true")
        return {
            each["rfilename"]: _entry(each, oid="blobId", sha256="sha256")
            for each in found.get("siblings") or []
        }


def refs(client: Client, repo: str) -> Refs:
    """Branches and tags. Raises as :func:`info`."""
    with told(client, repo):
        found = client.ask(_model(repo, "refs"))

        def named(kind: str) -> dict[str, str]:
            return {str(each["name"]): str(each["targetCommit"]) for each in found.get(kind) or []}

        return Refs(named("branches"), named("tags"))


def _tree(client: Client, repo: str, commit: str) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    path = f"{_model(repo, 'tree', commit)}?recursive=true&expand=false"
    with told(client, repo, commit):
        for _ in range(_MOST_PAGES):
            answer = client.get(path)
            for each in answer.json():
                if each["type"] == "file":
                    found[each["path"]] = _entry(each, oid="oid", sha256="oid")
            if len(found) > MOST_FILES:
                raise HubError(
                    f"{repo}{client.where} claims more than {MOST_FILES:,} files.",
                    hint="Push to another repo; this one is not an artifact's.",
                )
            following = _next_page(client, answer.headers, path)
            if following is None:
                return found
            path = following
        raise not_a_hub(client)


def _next_page(client: Client, headers: Mapping[str, str], path: str) -> str | None:
    """The path of the page after ``path``; a hub may name it with another host, e.g. its public one."""
    more = _NEXT.search(headers.get("Link") or "")
    if more is None:
        return None
    parts = urlsplit(more[1])
    following = f"{parts.path}?{parts.query}"
    prefix = urlsplit(client.endpoint).path
    following = following.removeprefix(prefix) if prefix else following
    return None if following == path else following


def _entry(found: dict[str, Any], *, oid: str, sha256: str) -> Entry:
    lfs = found.get("lfs")
    lfs = lfs if isinstance(lfs, dict) else {}
    size = lfs.get("size", found.get("size"))
    return Entry(size, found.get(oid), lfs.get(sha256) or lfs.get("oid") or lfs.get("sha256"))


def _model(repo: str, *parts: str) -> str:
    return "/".join(["/api/models", repo, *(quote(part, safe="") for part in parts)])


def renamed(repo: str, found: Info) -> bool:
    """Whether a hub answers with another repo than the one asked for."""
    return found.id.lower() != repo.lower() and "/" in found.id
