"""The JSON that the API answers with."""

from __future__ import annotations

from typing import Any

from zoo.hub.metadata import metadata
from zoo.hub.server.refusal import no_entry
from zoo.hub.server.repo import PR, Commit, Entry, Repo, pointer

CARD = "README.md"
_CARD_LIMIT = 1 << 20


def model(
    repo: Repo, commit: Commit, *, siblings: bool = True, blobs: bool = False
) -> dict[str, Any]:
    """A model, as ``model_info`` and ``list_models`` give it."""
    card = card_data(repo, commit)
    found: dict[str, Any] = {
        "_id": repo.id,
        "id": repo.id,
        "modelId": repo.id,
        "author": repo.id.partition("/")[0],
        "sha": commit.id,
        "lastModified": commit.date,
        "createdAt": repo.created,
        "private": repo.private,
        "gated": repo.gated,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": _tags(card),
        "cardData": card,
    }
    found |= {k: card[k] for k in ("library_name", "pipeline_tag") if isinstance(card.get(k), str)}
    if siblings:
        found["siblings"] = [_sibling(p, e, blobs) for p, e in sorted(commit.files.items())]
    return found


def tree(commit: Commit, folder: str, *, recursive: bool) -> list[dict[str, Any]]:
    """Files and folders below ``folder``.

    Raises:
        Refusal: there is no such folder.
    """
    prefix = f"{folder}/" if folder else ""
    below = {p: e for p, e in sorted(commit.files.items()) if p.startswith(prefix)}
    if folder and not below:
        raise no_entry(folder, commit.id)
    folders = set()
    for path in below:
        parts = path.removeprefix(prefix).split("/")[:-1]
        depths = range(1, len(parts) + 1) if recursive else range(1, min(len(parts), 1) + 1)
        folders |= {prefix + "/".join(parts[:depth]) for depth in depths}
    shown = {p: e for p, e in below.items() if recursive or "/" not in p.removeprefix(prefix)}
    return [_folder(path) for path in sorted(folders)] + [file(p, e) for p, e in shown.items()]


def paths(commit: Commit, asked: list[str]) -> list[dict[str, Any]]:
    """Those of the paths asked for that exist."""
    found = []
    for path in asked:
        path = path.strip("/")
        if path in commit.files:
            found.append(file(path, commit.files[path]))
        elif any(other.startswith(f"{path}/") for other in commit.files):
            found.append(_folder(path))
    return found


def file(path: str, entry: Entry) -> dict[str, Any]:
    """A file of a tree."""
    return {"type": "file", "path": path, "size": entry.size, "oid": entry.oid} | _lfs(
        entry, key="oid"
    )


def refs(repo: Repo) -> dict[str, Any]:
    """Branches, tags and pull requests."""

    def listed(kind: str, found: dict[str, str]) -> list[dict[str, str]]:
        return [
            {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": commit}
            for name, commit in found.items()
        ]

    return {
        "branches": listed("heads", repo.branches),
        "converts": [],
        "tags": listed("tags", repo.tags),
        "pullRequests": [
            {"name": number, "ref": f"{PR}{number}", "targetCommit": commit}
            for number, commit in repo.pull_requests.items()
        ],
    }


def history(repo: Repo, commit: Commit) -> list[dict[str, Any]]:
    """A commit and those before it, newest first."""
    found = []
    at: Commit | None = commit
    while at is not None:
        found.append(
            {
                "id": at.id,
                "title": at.title,
                "message": at.message,
                "authors": [{"user": at.author}] if at.author else [],
                "date": at.date,
            }
        )
        at = repo.commit(at.parent) if at.parent else None
    return found


def card_data(repo: Repo, commit: Commit) -> dict[str, Any]:
    """The metadata at the head of the card; empty where there is none that can be read."""
    entry = commit.files.get(CARD)
    if entry is None or entry.size > _CARD_LIMIT:
        return {}
    text = repo.content(commit, CARD).read_text(encoding="utf-8", errors="replace")
    try:
        return metadata(text)
    except ValueError:
        return {}


def _tags(card: dict[str, Any]) -> list[str]:
    tags = [str(tag) for tag in card.get("tags") or [] if isinstance(card["tags"], list)]
    for key, prefix in (
        ("library_name", ""),
        ("pipeline_tag", ""),
        ("license", "license:"),
        ("base_model", "base_model:"),
        ("datasets", "dataset:"),
    ):
        values = card.get(key) or []
        several = values if isinstance(values, list) else [values]
        tags.extend(f"{prefix}{value}" for value in several)
    return list(dict.fromkeys(tags))


def _sibling(path: str, entry: Entry, blobs: bool) -> dict[str, Any]:
    if not blobs:
        return {"rfilename": path}
    return {"rfilename": path, "size": entry.size, "blobId": entry.oid} | _lfs(entry, key="sha256")


def _lfs(entry: Entry, key: str) -> dict[str, Any]:
    if not entry.lfs:
        return {}
    size = len(pointer(entry.sha256, entry.size))
    return {"lfs": {key: entry.sha256, "size": entry.size, "pointerSize": size}}


def _folder(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "size": 0, "oid": "0" * 40}
