"""Who may do what. Without tokens everybody may do everything; a hub on loopback needs no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from zoo.hub.server.refusal import Refusal, no_repo
from zoo.hub.server.repo import Repo


@dataclass(frozen=True)
class Access:
    """What a token allows.

    Attributes:
        role: ``"read"`` or ``"write"``.
        user: whose token it is.
        namespaces: owners it may read in private and write to; ``None`` for all.
        repos: where given, the only repos it may write to, as fine-grained tokens do.
    """

    role: Literal["read", "write"] = "write"
    user: str = "user"
    namespaces: tuple[str, ...] | None = None
    repos: tuple[str, ...] | None = None

    def belongs(self, repo_id: str) -> bool:
        """Whether the repo's owner is one of this token's."""
        return self.namespaces is None or repo_id.partition("/")[0] in self.namespaces

    def writes(self, repo_id: str) -> bool:
        """Whether it may write to the repo."""
        scoped = self.repos is None or repo_id in self.repos
        return self.role == "write" and scoped and self.belongs(repo_id)

    def proposes(self, repo_id: str) -> bool:
        """Whether it may open pull requests: in repos of others as well, as far as it sees them."""
        return self.role == "write" and (self.repos is None or repo_id in self.repos)

    def describe(self) -> dict[str, Any]:
        """The answer to ``whoami``."""
        token: dict[str, Any] = {"displayName": "token", "role": self.role}
        if self.repos is not None:
            token["role"] = "fineGrained"
            token["fineGrained"] = {"global": [], "scoped": [_scope(r) for r in self.repos]}
        return {
            "type": "user",
            "id": self.user,
            "name": self.user,
            "fullname": self.user,
            "orgs": [
                {"name": n, "type": "org", "roleInOrg": self.role}
                for n in self.namespaces or ()
                if n != self.user
            ],
            "auth": {"type": "access_token", "accessToken": token},
        }


class Gate:
    """Checks requests against tokens.

    Args:
        tokens: what each token allows; a role stands for an :class:`Access` in all namespaces.
            With ``None`` no token is asked for.
    """

    def __init__(self, tokens: Mapping[str, Access | Literal["read", "write"]] | None) -> None:
        self._tokens: dict[str, Access] | None = None
        if tokens is not None:
            self._tokens = {
                token: access if isinstance(access, Access) else Access(access)
                for token, access in tokens.items()
            }

    def enter(self, authorization: str | None) -> Access | None:
        """What the request's ``Authorization`` header allows; ``None`` for a stranger.

        Raises:
            Refusal: a token that this hub does not know.
        """
        if self._tokens is None:
            return Access()
        if not authorization:
            return None
        access = self._tokens.get(authorization.removeprefix("Bearer ").strip())
        if access is None:
            # The client tells a bad token from a missing repo by these very words.
            raise Refusal(401, "Invalid credentials in Authorization header")
        return access


def require_read(access: Access | None, repo: Repo, *, content: bool = False) -> None:
    """Raise :class:`Refusal` unless the repo, or with ``content`` its files, may be seen."""
    if access is not None and access.belongs(repo.id):
        return
    if repo.private:
        raise no_repo(repo.id)
    if content and repo.gated:
        raise Refusal(403, f"Access to model {repo.id} is restricted", code="GatedRepo")


def require_write(access: Access | None, repo_id: str, *, proposing: bool = False) -> Access:
    """Raise :class:`Refusal` unless the repo may be written to, or ``proposing`` a pull request."""
    if access is None:
        raise Refusal(401, "Writing needs a token")
    if not (access.proposes(repo_id) if proposing else access.writes(repo_id)):
        reason = "a read token cannot write" if access.role == "read" else "not for this token"
        raise Refusal(403, f"You don't have the rights to write to {repo_id}: {reason}")
    return access


def _scope(repo_id: str) -> dict[str, Any]:
    return {
        "entity": {"_id": repo_id, "type": "model", "name": repo_id},
        "permissions": ["repo.content.read", "repo.write"],
    }
