"""Which request is answered how: everything that reads, and the making of repos and refs."""

from __future__ import annotations

from itertools import islice
from typing import Any

from zoo.hub.metadata import metadata
from zoo.hub.server import answers, discussions, uploads
from zoo.hub.server.access import require_read, require_write
from zoo.hub.server.managed import ManagedRepo
from zoo.hub.server.refusal import Refusal, no_entry, no_repo
from zoo.hub.server.repo import Commit, Repo
from zoo.hub.server.store import Store
from zoo.hub.server.wire import Answer, Request, as_json

_NO_XET = (
    "This hub does not speak Xet. Set HF_HUB_DISABLE_XET=1 before the client is imported, or "
    "upload file objects; `zoo push` needs neither"
)


def respond(store: Store, tickets: uploads.Tickets, request: Request) -> Answer:
    """Answer a request.

    Raises:
        Refusal: the answer is an error.
    """
    match (request.method, *request.segments):
        case ("GET", "api", "whoami-v2"):
            return _whoami(request)
        case ("GET", "api", "models"):
            return _search(store, request)
        case (method, "api", "repos", action):
            return _repos(store, request, f"{method} {action}")
        case ("POST", "api", "validate-yaml"):
            return _validate(request)
        case (method, "api", "models", owner, name, *rest):
            return _model(store, tickets, request, f"{owner}/{name}", [method, *rest])
        case ("GET" | "POST" as method, "api", "datasets", owner, name, *rest):
            return _model(store.datasets, tickets, request, f"{owner}/{name}", [method, *rest])
        case ("GET", "datasets", owner, name, "resolve", revision, *path) if path:
            return _file(store.datasets, request, f"{owner}/{name}", revision, "/".join(path))
        case ("GET", owner, name, "resolve", revision, *path) if path:
            return _file(store, request, f"{owner}/{name}", revision, "/".join(path))
        case (method, owner, name, "info", "lfs", "objects", "batch") if name.endswith(".git"):
            # Contents mean nothing before a commit names them, and this is asked for proposals too.
            repo = _writing(store, request, f"{owner}/{name.removesuffix('.git')}", proposing=True)
            return uploads.batch(repo, tickets, request)
        case (method, owner, name, "lfs", sha256) if name.endswith(".git"):
            repo_id = f"{owner}/{name.removesuffix('.git')}"
            return uploads.lfs(store, tickets, request, repo_id, sha256, method)
        case ("GET", "api", "agent-harnesses"):
            # The client asks in every process until it is given a list; this one it remembers.
            return as_json({"standardEnvVars": [], "harnesses": {}})
        case ("GET", ""):
            return _index(store, request)
    raise Refusal(404, "This hub has no such page; it serves models and datasets")


def _model(
    store: Store, tickets: uploads.Tickets, request: Request, repo_id: str, rest: list[str]
) -> Answer:
    match rest:
        case ["POST", "preupload", revision]:
            return uploads.preupload(_proposing(store, request, repo_id), revision, request)
        case ["POST", "commit", branch]:
            return uploads.commit(_proposing(store, request, repo_id), branch, request)
        case ["POST" | "DELETE" as method, "branch" | "tag" as kind, name]:
            return _change_ref(_writing(store, request, repo_id), request, f"{method} {kind}", name)
        case ["GET", "discussions"]:
            return discussions.discussions(_reading(store, request, repo_id), request)
        case ["POST", "discussions", number, what]:
            return discussions.change(_writing(store, request, repo_id), number, what, request)
        case ["PUT", "settings"]:
            return _configure(_writing(store, request, repo_id), request)
        case ["GET", "auth-check", "write"]:
            # Asked before the repo is made: a token that may not make it is told so at once.
            require_write(request.access, repo_id)
            store.managed(repo_id)
            return as_json({})
        case ["GET", "xet-write-token" | "xet-read-token", *_]:
            raise Refusal(404, _NO_XET)
        case ["GET", *what]:
            return _read(_reading(store, request, repo_id), request, what)
        case ["POST", "paths-info", revision]:
            asked = request.form().get("paths", [])
            commit = _reading(store, request, repo_id).resolve(revision)
            return as_json(answers.paths(commit, asked))
    raise Refusal(404, "This hub does not do that")


def _read(repo: Repo, request: Request, what: list[str]) -> Answer:
    match what:
        case []:
            return _info(repo, repo.resolve("main"), request)
        case ["revision", revision]:
            return _info(repo, repo.resolve(revision), request)
        case ["tree", revision, *path]:
            folder = "/".join(path).strip("/")
            recursive = request.flag("recursive")
            return as_json(answers.tree(repo.resolve(revision), folder, recursive=recursive))
        case ["refs"]:
            return as_json(answers.refs(repo))
        case ["commits", revision]:
            return as_json(answers.history(repo, repo.resolve(revision)))
        case ["auth-check"]:
            require_read(request.access, repo, content=True)
            return as_json({})
    raise Refusal(404, "This hub does not do that")


def _whoami(request: Request) -> Answer:
    if request.access is None:
        raise Refusal(401, "Invalid username or password.")
    return as_json(request.access.describe())


def _info(repo: Repo, commit: Commit, request: Request) -> Answer:
    return as_json(answers.model(repo, commit, blobs=request.flag("blobs")))


def _search(store: Store, request: Request) -> Answer:
    def asked(name: str) -> str:
        return request.query.get(name, [""])[0].lower()

    found: list[dict[str, Any]] = []
    for repo in store:
        try:
            require_read(request.access, repo)
            found.append(answers.model(repo, repo.resolve("main"), siblings=request.flag("full")))
        except Refusal:
            continue  # private, or deleted in between
    wanted = set(request.query.get("filter", []))
    if asked("pipeline_tag"):
        wanted.add(asked("pipeline_tag"))
    matching = (
        m
        for m in sorted(found, key=lambda m: m["lastModified"], reverse=True)
        if asked("search") in m["id"].lower()
        and asked("author") in ("", m["author"].lower())
        and wanted <= set(m["tags"])
    )
    limit = int(asked("limit")) if asked("limit").isdigit() else None
    return as_json(list(islice(matching, limit)))


def _repos(store: Store, request: Request, action: str) -> Answer:
    asked = request.json()
    if asked.get("type") not in (None, "model"):
        raise Refusal(400, "This hub keeps models only")
    user = request.access.user if request.access else ""
    repo_id = f"{asked.get('organization') or user}/{asked.get('name')}"
    access = require_write(request.access, repo_id)
    if action == "POST create":
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        try:
            store.create(repo_id, private=private, author=access.user)
        except Refusal as err:
            if err.status != 409:
                raise
            taken = {"error": err.message, "url": f"{request.base}/{repo_id}"}
            return as_json(taken, 409)
        return as_json({"url": f"{request.base}/{repo_id}", "name": repo_id, "id": repo_id})
    if action == "DELETE delete":
        store.delete(repo_id)
        return as_json({})
    raise Refusal(404, "This hub makes and deletes repos; it does not move them")


def _change_ref(repo: ManagedRepo, request: Request, action: str, name: str) -> Answer:
    asked = request.json()
    match action:
        case "POST branch":
            start = repo.resolve(str(asked.get("startingPoint") or "main"))
            repo.add_ref("heads", name, start.id)
        case "POST tag":  # the path names what is tagged
            repo.add_ref("tags", str(asked.get("tag") or ""), repo.resolve(name).id)
        case "DELETE branch":
            repo.remove_ref("heads", name)
        case _:
            repo.remove_ref("tags", name)
    return as_json({})


def _configure(repo: ManagedRepo, request: Request) -> Answer:
    asked = request.json()
    changed: dict[str, Any] = {}
    if "visibility" in asked:
        changed["private"] = asked["visibility"] == "private"
    if asked.get("gated") in ("auto", "manual", False):
        changed["gated"] = asked["gated"]
    repo.configure(**changed)
    return as_json(changed)


def _validate(request: Request) -> Answer:
    try:
        found = metadata(str(request.json().get("content", "")))
    except ValueError as err:
        return as_json({"errors": [{"message": str(err)}], "warnings": []}, 400)
    empty = [] if found else [{"message": "empty or missing yaml metadata in repo card"}]
    return as_json({"errors": [], "warnings": empty})


def _file(store: Store, request: Request, repo_id: str, revision: str, path: str) -> Answer:
    repo = _reading(store, request, repo_id)
    require_read(request.access, repo, content=True)
    commit = repo.resolve(revision)
    if path not in commit.files:
        raise no_entry(path, commit.id)
    entry = commit.files[path]
    headers = {
        "Content-Type": "application/octet-stream" if entry.lfs else "text/plain; charset=utf-8",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": "attachment" if entry.lfs else "inline",
        "Accept-Ranges": "bytes",
        "ETag": f'"{entry.etag}"',
        "X-Repo-Commit": commit.id,
    }
    if entry.lfs:
        headers |= {"X-Linked-ETag": f'"{entry.sha256}"', "X-Linked-Size": str(entry.size)}
    return Answer(repo.content(commit, path), headers=headers)


def _index(store: Store, request: Request) -> Answer:
    access = request.access
    seen = [r.id for r in store if not r.private or (access and access.belongs(r.id))]
    text = "A hub served by zoo.\n\n" + "\n".join(seen or ["(no models yet)"]) + "\n"
    return Answer(text.encode(), headers={"Content-Type": "text/plain; charset=utf-8"})


def _reading(store: Store, request: Request, repo_id: str) -> Repo:
    repo = store.find(repo_id)
    require_read(request.access, repo)
    return repo


def _proposing(store: Store, request: Request, repo_id: str) -> ManagedRepo:
    return _writing(store, request, repo_id, proposing=request.flag("create_pr"))


def _writing(
    store: Store, request: Request, repo_id: str, *, proposing: bool = False
) -> ManagedRepo:
    access = request.access
    if access is not None and not access.belongs(repo_id) and store.find(repo_id).private:
        raise no_repo(repo_id)
    require_write(access, repo_id, proposing=proposing)
    return store.managed(repo_id)
