"""What the hub answers when it does not do what it was asked, as the client expects it."""

from __future__ import annotations


class Refusal(Exception):
    """An HTTP error with the Hub's own error code.

    Args:
        status: HTTP status.
        message: one line for a person.
        code: the Hub's ``X-Error-Code``, by which its client tells errors apart.
        commit: sent as ``X-Repo-Commit``: the client remembers that a file is not in a commit.
    """

    def __init__(self, status: int, message: str, *, code: str = "", commit: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.commit = commit


def no_repo(repo_id: str) -> Refusal:
    """No such repo, or none that this token may know of."""
    return Refusal(404, f"Repository {repo_id} not found", code="RepoNotFound")


def no_revision(revision: str) -> Refusal:
    """No such branch, tag or commit."""
    return Refusal(404, f"Invalid rev id: {revision}", code="RevisionNotFound")


def no_entry(path: str, commit: str) -> Refusal:
    """No such file at that commit."""
    return Refusal(404, f"Entry not found: {path}", code="EntryNotFound", commit=commit)


def read_only(repo_id: str) -> Refusal:
    """A plain folder, served as it is."""
    return Refusal(
        403, f"{repo_id} is a plain folder that this hub serves read-only; push to another repo"
    )
