"""May this token write to that repo? Asked before anything is hashed, opened or created."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from zoo.errors import AccessDenied, RepoNotFound
from zoo.hub.client import Client
from zoo.hub.translate import bad_token, no_token, status_of, told, translate

_UNKNOWN = (404, 405, 501)  # a hub that does not answer that question; the push itself will tell
_TOKENS = "https://huggingface.co/settings/tokens"


@dataclass(frozen=True)
class Identity:
    """Whose token it is and what it allows, as far as the hub says."""

    name: str = ""
    namespaces: frozenset[str] = frozenset()
    role: str = ""
    writes_to: frozenset[str] | None = None  # names of users, organisations and repos; None for all
    scopes: tuple[str, ...] = field(default=())

    def reaches(self, repo: str) -> bool:
        """Whether a fine-grained token covers the repo or its owner."""
        owner = repo.partition("/")[0]
        return self.writes_to is None or bool(self.writes_to & {repo, owner})


def require_write(client: Client, repo: str, *, proposing: bool = False) -> Identity:
    """Make sure that a push can end well.

    Args:
        client: the hub.
        repo: ``owner/name``.
        proposing: by a pull request, which needs a token, and no right to the repo.

    Raises:
        AccessDenied: there is no token, or it is not valid, read-only, of another namespace or
            scoped to another repo.
        HubUnreachable: nobody answers.
    """
    if client.is_default and not client.has_token:
        raise no_token(client, repo)
    identity = _identify(client, repo) if client.has_token else Identity()
    if identity.role == "read":
        raise AccessDenied(
            f"The token{_of(identity)} can only read{client.where}; pushing to {repo} writes.",
            hint=_how_to_get_one(client),
        )
    if not proposing:
        _require_reach(client, repo, identity)
    try:
        _ask_the_hub(client, repo, identity)
    except AccessDenied as err:
        if not proposing or status_of(err) != 403:
            raise
    return identity


def _require_reach(client: Client, repo: str, identity: Identity) -> None:
    if not identity.reaches(repo):
        scopes = ", ".join(identity.scopes) or "nothing"
        raise AccessDenied(
            f"The token{_of(identity)} may write to {scopes}{client.where}, not to {repo}.",
            hint=f"Give it the right to {repo}, or push to a repo that it covers.",
        )
    scoped = identity.writes_to is not None  # and that it covers the repo was seen above
    if client.is_default and not scoped and repo.partition("/")[0] not in identity.namespaces:
        raise foreign(client, repo, identity)


def foreign(client: Client, repo: str, identity: Identity) -> AccessDenied:
    """The repo's owner is somebody else."""
    owner, _, name = repo.partition("/")
    return AccessDenied(
        f"{owner} is not one of the token's namespaces{client.where} "
        f"({', '.join(sorted(identity.namespaces)) or 'none'}); it may not write to {repo}.",
        hint=f"Push to {identity.name}/{name}, or ask {owner} to let you in."
        if identity.name
        else f"Ask {owner} to let you in.",
    )


def refused(client: Client, repo: str, identity: Identity, err: AccessDenied) -> AccessDenied:
    """The better explanation of a refused write, where there is one."""
    owner = repo.partition("/")[0]
    known = bool(identity.namespaces) and status_of(err) == 403
    return foreign(client, repo, identity) if known and owner not in identity.namespaces else err


def _identify(client: Client, repo: str) -> Identity:
    try:
        answer = client.ask("/api/whoami-v2")
    except Exception as err:
        if status_of(err) == 401:
            raise bad_token(client) from err
        if status_of(err) in _UNKNOWN:
            return Identity()
        known = translate(err, client, repo)
        if known is None:
            raise
        raise known from err
    return _parse(answer)


def _parse(answer: Any) -> Identity:
    """What is understood of it; where a hub says less, its refusal of the push itself will tell."""
    owner = _mapping(answer)
    name = str(owner.get("name") or "")
    organisations = [str(org.get("name") or "") for org in _mappings(owner.get("orgs"))]
    token = _mapping(_mapping(owner.get("auth")).get("accessToken"))
    scoped = _mapping(token.get("fineGrained")).get("scoped")
    may_write = [
        str(_mapping(scope.get("entity")).get("name") or "")
        for scope in _mappings(scoped)
        if "repo.write" in (scope.get("permissions") or [])
    ]
    return Identity(
        name=name,
        namespaces=frozenset({name, *organisations} - {""}),
        role=str(token.get("role") or ""),
        writes_to=frozenset(may_write) if isinstance(scoped, list) else None,
        scopes=tuple(may_write),
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(values: Any) -> list[dict[str, Any]]:
    return [_mapping(value) for value in values] if isinstance(values, list) else []


def _ask_the_hub(client: Client, repo: str, identity: Identity) -> None:
    """The hub's own word on it, where it gives one; a repo that is not there yet is no obstacle."""
    try:
        client.ask(f"/api/models/{repo}/auth-check/write")
    except Exception as err:
        if status_of(err) == 401 and not client.has_token:
            raise no_token(client, repo) from err
        known = translate(err, client, repo)
        if isinstance(known, RepoNotFound) or status_of(err) in _UNKNOWN:
            return
        if not isinstance(known, AccessDenied):
            raise known or err from err
        known.__cause__ = err
        own = repo.partition("/")[0] in identity.namespaces
        if own and status_of(err) == 403 and not _exists(client, repo):
            return  # some hubs refuse what is not there yet
        raise refused(client, repo, identity, known) from err


def _exists(client: Client, repo: str) -> bool:
    with told(client, repo):
        return client.api.repo_exists(repo)


def _of(identity: Identity) -> str:
    return f" of {identity.name}" if identity.name else ""


def _how_to_get_one(client: Client) -> str:
    if client.is_default:
        return f"Make one that can write at {_TOKENS}, then `hf auth login`."
    return "Ask whoever runs the hub for one that can write, and set HF_TOKEN."
