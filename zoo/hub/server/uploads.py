"""How files come in: inline in a commit when small, by git LFS when large."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Iterator
from typing import Any

from zoo.hub.server.access import require_write
from zoo.hub.server.ignored import GITIGNORE, ignores
from zoo.hub.server.managed import ManagedRepo
from zoo.hub.server.proposals import propose
from zoo.hub.server.refusal import Refusal, no_entry
from zoo.hub.server.repo import Entry, by_lfs, lfs_entry, regular_entry
from zoo.hub.server.store import Store
from zoo.hub.server.wire import Answer, Request, as_json

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_BRANCH = "refs/heads/"


class Tickets:
    """Signed permissions to send one content: the client sends no token along with the bytes."""

    def __init__(self, lifetime: float = 3600.0) -> None:
        self._key = secrets.token_bytes(32)
        self._lifetime = lifetime

    def issue(self, repo_id: str, sha256: str, size: int) -> str:
        """A query string that permits it for a while."""
        until = int(time.time() + self._lifetime)
        signature = self._sign(repo_id, sha256, size, until)
        return f"size={size}&until={until}&signature={signature}"

    def check(self, request: Request, repo_id: str, sha256: str) -> int:
        """The size a request is permitted to send.

        Raises:
            Refusal: it is not permitted.
        """
        asked = {name: values[0] for name, values in request.query.items()}
        try:
            size, until = int(asked["size"]), int(asked["until"])
            given = asked["signature"]
        except (KeyError, ValueError):
            raise Refusal(403, "This upload was not agreed on") from None
        if not hmac.compare_digest(given, self._sign(repo_id, sha256, size, until)):
            raise Refusal(403, "This upload was not agreed on")
        if until < time.time():
            raise Refusal(403, "This upload was agreed on too long ago; ask again")
        return size

    def _sign(self, repo_id: str, sha256: str, size: int, until: int) -> str:
        text = f"{repo_id}\n{sha256}\n{size}\n{until}".encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()


def preupload(repo: ManagedRepo, revision: str, request: Request) -> Answer:
    """Say which route each file takes, and what the repo has in its place."""
    head = repo.resolve(revision)
    said = request.json()
    rules = said.get("gitIgnore")
    if rules is None and GITIGNORE in head.files:
        rules = repo.content(head, GITIGNORE).read_text(errors="replace")
    told = []
    for asked in _listed(said, "files"):
        path, size = str(asked.get("path")), int(asked.get("size") or 0)
        lfs = by_lfs(path, size, _decoded(str(asked.get("sample") or "")))
        told.append(
            {
                "path": path,
                "uploadMode": "lfs" if lfs else "regular",
                "shouldIgnore": ignores(str(rules or ""), path),
                "oid": head.files[path].etag if path in head.files else None,
            }
        )
    return as_json({"files": told})


def batch(repo: ManagedRepo, tickets: Tickets, request: Request) -> Answer:
    """Say where to send each content, or that it is here already."""
    told = []
    for asked in _listed(request.json(), "objects"):
        sha256, size = str(asked.get("oid")), int(asked.get("size") or 0)
        if not _SHA256.match(sha256):
            raise Refusal(400, f"{sha256!r} is not a sha256")
        known: dict[str, Any] = {"oid": sha256, "size": size}
        if not repo.has_blob(sha256, size):
            href = f"{request.base}/{repo.id}.git/lfs/{sha256}"
            ticket = tickets.issue(repo.id, sha256, size)
            known["actions"] = {
                "upload": {"href": f"{href}?{ticket}"},
                "verify": {"href": href},
            }
        told.append(known)
    return as_json({"transfer": "basic", "objects": told})


def lfs(
    store: Store, tickets: Tickets, request: Request, repo_id: str, sha256: str, method: str
) -> Answer:
    """Receive a content (PUT), or say whether it is here in full (POST)."""
    if not _SHA256.match(sha256):
        raise Refusal(400, f"{sha256!r} is not a sha256")
    if method == "POST":
        require_write(request.access, repo_id, proposing=True)
        size = int(request.json().get("size") or 0)
        if not store.managed(repo_id).has_blob(sha256, size):
            raise Refusal(404, f"{sha256} has not arrived")
        return as_json({})
    if method != "PUT":
        raise Refusal(405, "PUT sends a content, POST asks for it")
    size = tickets.check(request, repo_id, sha256)
    with store.managed(repo_id).receive(sha256) as stream:
        for piece in request.chunks():
            if request.received > size:
                raise Refusal(400, f"More than the {size} bytes agreed on")
            stream.write(piece)
    return Answer(headers={"ETag": f'"{sha256}"'})


def commit(repo: ManagedRepo, branch: str, request: Request) -> Answer:
    """Make one commit of all that the request's lines say."""
    branch = branch.removeprefix(_BRANCH)
    header: dict[str, Any] = {}
    changes: dict[str, Entry | None] = {}
    for key, value in _lines(request.body()):
        if key == "header":
            header = value
        elif key == "deletedFolder":
            folder = str(value.get("path")).strip("/") + "/"
            changes |= {p: None for p in repo.resolve(branch).files if p.startswith(folder)}
        else:
            path = _path(value)
            changes[path] = _entry(repo, branch, key, path, value)
    told: dict[str, Any] = {
        "title": str(header.get("summary") or "Update")[:500],
        "message": str(header.get("description") or ""),
        "author": request.access.user if request.access else "",
        "parent": header.get("parentCommit"),
    }
    at = f"{request.base}/{repo.id}"
    answer = {"success": True, "hookOutput": ""}
    if request.flag("create_pr"):
        proposal, made = propose(repo, branch, changes, **told)
        answer["pullRequestUrl"] = f"{at}/discussions/{proposal.number}"
    else:
        made = repo.add(branch, changes, **told)
    return as_json({**answer, "commitOid": made.id, "commitUrl": f"{at}/commit/{made.id}"})


def _entry(
    repo: ManagedRepo, branch: str, key: str, path: str, value: dict[str, Any]
) -> Entry | None:
    if key == "deletedFile":
        head = repo.resolve(branch)
        if path not in head.files:
            raise no_entry(path, head.id)
        return None
    if key == "file":
        content = _decoded(str(value.get("content") or ""))
        entry = regular_entry(content)
        with repo.receive(entry.sha256) as stream:
            stream.write(content)
        return entry
    if key == "lfsFile":
        sha256 = str(value.get("oid"))
        size = value.get("size")
        blob = repo.blob(sha256) if _SHA256.match(sha256) else None
        if blob is None or not blob.is_file() or size not in (None, blob.stat().st_size):
            raise Refusal(400, f"The content of {path} has not arrived")
        return lfs_entry(sha256, blob.stat().st_size)
    raise Refusal(400, f"Unknown operation {key!r}")


def _lines(body: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    for line in body.splitlines():
        try:
            item = json.loads(line)
            key, value = item["key"], item["value"]
        except (KeyError, TypeError, ValueError):
            raise Refusal(400, "Each line of a commit is a JSON object of key and value") from None
        if not isinstance(value, dict):
            raise Refusal(400, f"The value of {key!r} is not a JSON object")
        yield str(key), value


def _path(value: dict[str, Any]) -> str:
    path = str(value.get("path") or "")
    parts = path.split("/")
    bad = any(p in ("", ".", "..") or p.lower() == ".git" or len(p.encode()) > 255 for p in parts)
    if bad or "\\" in path or not path.isprintable():
        raise Refusal(400, f"Invalid path {path!r}")
    return path


def _listed(asked: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = asked.get(name)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise Refusal(400, f"{name!r} is not a list of JSON objects")
    return found


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Refusal(400, "A content is not base64") from None
