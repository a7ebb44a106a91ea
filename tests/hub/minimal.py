"""Another hub than ours: the least that the stock client needs, and nothing that only zoo's has.

Written from the requests that huggingface_hub makes, in memory, and sharing no code with the
embedded hub: what push and pull work against here, they do not owe to it. What real hubs leave
out or do otherwise can be switched.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

_RESOLVE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_API = re.compile(r"/api/models/([^/]+/[^/]+?)(?:/(revision|tree|preupload|commit)/([^/]+))?")
_LFS = re.compile(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch")


@dataclass
class Habits:
    """What differs from hub to hub.

    Attributes:
        whoami: the answer to ``whoami-v2``; ``None`` where there is no such thing.
        tokens: who may write; ``None`` for everybody.
        missing: status for a repo that is not there.
        codes: whether errors carry ``X-Error-Code``.
        etag: how ETags are written.
        oid: how files in trees are named: as git does, by sha256, or not at all.
        tree: whether there are trees.
        redirects: whether contents come from another origin.
        headers: sent with every answer.
        first_commit: whether a new repo has one.
    """

    whoami: dict[str, Any] | None = None
    tokens: tuple[str, ...] | None = None
    missing: int = 404
    codes: bool = False
    etag: str = '"{}"'
    oid: str = "git"
    tree: bool = True
    redirects: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    first_commit: bool = False


class MinimalHub:
    """Serves models out of memory, one branch each; ``log`` has every request."""

    def __init__(self, **habits: Any) -> None:
        self.habits = Habits(**habits)
        self.log: list[tuple[str, str, bool]] = []  # method, path, whether a token came along
        self.commits: dict[str, list[tuple[str, dict[str, bytes]]]] = {}
        self.blobs: dict[str, bytes] = {}
        self.committing = threading.Lock()
        self.renamed: dict[str, str] = {}  # old names of repos, and what they are called now
        handler = type("MinimalHandler", (_Handler,), {"hub": self})
        self._servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for _ in range(2)]
        self.url, self.elsewhere = (
            f"http://127.0.0.1:{server.server_address[1]}" for server in self._servers
        )

    def __enter__(self) -> MinimalHub:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def add(self, repo: str, files: dict[str, bytes]) -> str:
        """Put a commit on top."""
        number = len(self.commits.setdefault(repo, []))
        commit = hashlib.sha1(f"{repo} {number}".encode()).hexdigest()
        self.commits[repo].append((commit, files))
        return commit

    def sha256(self, repo: str, name: str) -> str:
        """Of a file in the latest commit."""
        return hashlib.sha256(self.commits[repo][-1][1][name]).hexdigest()


class _Gone(Exception):
    """Answer with an error: status, code, message."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or the client waits 40 ms for the body of each answer
    hub: MinimalHub

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def _serve(self) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.hub.log.append((self.command, self.path, bool(token)))
        # No chunked bodies: many a small server reads the length and nothing else.
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            answer = self._answer(self.path.partition("?")[0], token)
        except _Gone as gone:
            status, code, message = gone.args
            named = {"X-Error-Code": code} if self.hub.habits.codes else {}
            answer = status, {**named, "X-Error-Message": message}, {"error": message}
        self._send(*answer)

    do_GET = do_HEAD = do_POST = do_PUT = _serve  # noqa: N815  # names of http.server

    def _send(self, status: int, headers: dict[str, str], body: Any) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**self.hub.habits.headers, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _answer(self, path: str, token: str) -> tuple[int, dict[str, str], Any]:
        habits, hub = self.hub.habits, self.hub
        if habits.tokens is not None and token and token not in habits.tokens:
            raise _Gone(401, "", "Invalid credentials in Authorization header")
        if path == "/api/whoami-v2" and habits.whoami is not None:
            return 200, {}, habits.whoami
        for old, new in hub.renamed.items():
            if f"/{old}/" in f"{path}/":
                return 307, {"Location": self.path.replace(old, new, 1)}, b""
        if path.startswith("/blob/"):
            return 200, {}, hub.blobs[path.removeprefix("/blob/")]
        if found := _RESOLVE.fullmatch(path):
            return self._resolve(*found.groups())
        if self.command in ("POST", "PUT"):
            if habits.tokens is not None and not token and not path.startswith("/put/"):
                raise _Gone(401, "", "Who are you?")
            return self._write(path)
        if found := _API.fullmatch(path):
            return self._read(*found.groups())
        raise _Gone(404, "", "Not Found")

    def _head(self, repo: str, revision: str | None) -> tuple[str, dict[str, bytes]]:
        if repo not in self.hub.commits:
            raise _Gone(self.hub.habits.missing, "RepoNotFound", "Repository not found")
        for commit, files in reversed(self.hub.commits[repo]):
            if revision in (None, "main", commit):
                return commit, files
        raise _Gone(404, "RevisionNotFound", f"Invalid rev id: {revision}")

    def _resolve(self, repo: str, revision: str, name: str) -> tuple[int, dict[str, str], Any]:
        habits = self.hub.habits
        commit, files = self._head(repo, revision)
        if name not in files:
            raise _Gone(404, "EntryNotFound", "Entry not found")
        sha256 = hashlib.sha256(files[name]).hexdigest()
        headers = {"X-Repo-Commit": commit, "ETag": habits.etag.format(sha256)}
        if not habits.redirects:
            return 200, headers, files[name]
        self.hub.blobs[sha256] = files[name]
        linked = {"X-Linked-Size": str(len(files[name])), "X-Linked-ETag": headers["ETag"]}
        return 302, {**headers, **linked, "Location": f"{self.hub.elsewhere}/blob/{sha256}"}, b""

    def _read(
        self, repo: str, kind: str | None, revision: str | None
    ) -> tuple[int, dict[str, str], Any]:
        commit, files = self._head(repo, revision)
        if kind == "tree" and self.hub.habits.tree:
            return 200, {}, [self._entry(name, content) for name, content in files.items()]
        if kind not in (None, "revision"):
            raise _Gone(404, "", "Not Found")
        return 200, {}, {"id": repo, "sha": commit, "siblings": [{"rfilename": n} for n in files]}

    def _entry(self, name: str, content: bytes) -> dict[str, Any]:
        ids = {
            "git": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(),
            "sha256": hashlib.sha256(content).hexdigest(),
            "none": "0" * 40,
        }
        oid = ids[self.hub.habits.oid]
        return {"type": "file", "path": name, "size": len(content), "oid": oid}

    def _write(self, path: str) -> tuple[int, dict[str, str], Any]:
        hub = self.hub
        if path.startswith("/put/"):
            hub.blobs[path.removeprefix("/put/")] = self.body
            return 200, {}, b""
        if path == "/api/validate-yaml":
            return 200, {}, {"errors": [], "warnings": []}
        if path == "/api/repos/create":
            asked = json.loads(self.body)
            repo = f"{asked['organization']}/{asked['name']}"
            if repo in hub.commits:
                raise _Gone(409, "", "You already created this model repo")
            hub.commits[repo] = []
            if hub.habits.first_commit:
                hub.add(repo, {".gitattributes": b""})
            return 200, {}, {"url": f"{hub.url}/{repo}"}
        if found := _LFS.fullmatch(path):
            return 200, {}, {"objects": [self._ticket(o) for o in json.loads(self.body)["objects"]]}
        if (found := _API.fullmatch(path)) and found[1] in hub.commits:
            if found[2] == "preupload":
                files = json.loads(self.body)["files"]
                return 200, {}, {"files": [self._mode(file["path"]) for file in files]}
            if found[2] == "commit":
                with hub.committing:
                    return self._commit(found[1])
        raise _Gone(404, "RepoNotFound", "Not Found")

    def _mode(self, path: str) -> dict[str, Any]:
        mode = "lfs" if path.endswith(".safetensors") else "regular"
        return {"path": path, "uploadMode": mode, "shouldIgnore": False}

    def _ticket(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["oid"] in self.hub.blobs:
            return asked
        return {**asked, "actions": {"upload": {"href": f"{self.hub.url}/put/{asked['oid']}"}}}

    def _commit(self, repo: str) -> tuple[int, dict[str, str], Any]:
        lines = [json.loads(line) for line in self.body.splitlines()]
        parent = lines[0]["value"].get("parentCommit")
        if parent and parent != self.hub.commits[repo][-1][0]:
            raise _Gone(412, "", "A commit has happened since")
        files = dict(self.hub.commits[repo][-1][1]) if self.hub.commits[repo] else {}
        for key, value in ((line["key"], line["value"]) for line in lines):
            if key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                files[value["path"]] = self.hub.blobs[value["oid"]]
            elif key == "deletedFile":
                del files[value["path"]]
        commit = self.hub.add(repo, files)
        return 200, {}, {"commitOid": commit, "commitUrl": f"{self.hub.url}/{repo}/commit/{commit}"}
