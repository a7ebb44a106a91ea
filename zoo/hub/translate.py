"""What went wrong on the way to a hub and back, in our words and with the next step.

The client library wraps errors in errors, and the truth is often in a cause: a disabled repo reads
as "check your connection" at the top. So the whole chain is looked through.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
from collections.abc import Iterator

from huggingface_hub import constants
from huggingface_hub.errors import (  # type: ignore[attr-defined]
    DisabledRepoError,
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    HTTPError,  # of the HTTP library that this version of the client uses
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from zoo.errors import (
    AccessDenied,
    HubError,
    HubUnreachable,
    RepoNotFound,
    WriteFailed,
    ZooError,
)
from zoo.hub.client import Client, shown_endpoint
from zoo.tokens import redacted
from zoo.waits import asked_to_wait

# As hubs put it; the first is the Hub's own for a token that never was one.
_BAD_TOKEN = re.compile(
    r"invalid credentials|token\b.*\b(expired|invalid|revoked)|(expired|invalid|revoked)\b.*\btoken",
    re.IGNORECASE,
)


_UNWRITABLE = (
    errno.EACCES,
    errno.EPERM,
    errno.EFBIG,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.EIO,
)


@contextlib.contextmanager
def told(
    client: Client, repo: str, revision: str | None = None, file: str | None = None
) -> Iterator[None]:
    """Turn whatever a request raises into a :class:`~zoo.errors.HubError` that names what it was for.

    Keep the block to the request itself: an answer that is not understood also counts as the hub's.
    """
    try:
        yield
    except Exception as err:
        known = err if isinstance(err, ZooError) else translate(err, client, repo, revision)
        if known is None:
            raise
        if isinstance(known, HubError) and not _names(known.message, repo, file):
            known.message = f"{_place(repo, revision, file)}: {known.message}"
        if known is err:
            raise
        raise known from err


def _names(message: str, repo: str, file: str | None) -> bool:
    return repo in message and (file is None or file in message)


def _place(repo: str, revision: str | None, file: str | None) -> str:
    at = f" at {revision[:12] if len(revision) >= 40 else revision}" if revision else ""
    return f"{repo}{at}{f', {file}' if file else ''}"


def translate(
    err: BaseException, client: Client, repo: str, revision: str | None = None
) -> ZooError | None:
    """The error that says it to a person; ``None`` where it did not come from a hub."""
    for each in chain(err):
        known = _known(each, client, repo, revision)
        if known is not None:
            return known
    if isinstance(err, (json.JSONDecodeError, AttributeError, KeyError, TypeError, AssertionError)):
        return not_a_hub(client)
    if isinstance(err, ValueError):
        return HubError(f"The hub{client.where} could not be understood: {reason(err)}.")
    if isinstance(err, OSError) and err.errno is None:  # the client's own, for a broken download
        return HubUnreachable(
            f"The transfer of {repo}{client.where} broke off: {reason(err)}.", hint="Try again."
        )
    return None


def chain(err: BaseException | None) -> Iterator[BaseException]:
    """An error, what caused it, what caused that, and so on."""
    seen: set[int] = set()
    while err is not None and id(err) not in seen:
        seen.add(id(err))
        yield err
        err = err.__cause__ or (None if err.__suppress_context__ else err.__context__)


def status_of(err: BaseException) -> int | None:
    """The HTTP status that an error tells of."""
    for each in chain(err):
        if isinstance(each, HfHubHTTPError):
            return each.response.status_code
    return None


def reason(err: object) -> str:
    """The first line of a message that may quote a hub: no secrets, no escapes, cut."""
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    text = redacted(lines[0] if lines else type(err).__name__)
    return "".join(c if c.isprintable() else " " for c in text)[:200]


def _known(err: BaseException, client: Client, repo: str, revision: str | None) -> ZooError | None:
    # The order matters: a gated repo is also one that is not found, and all are HTTP errors.
    if isinstance(err, GatedRepoError):
        return AccessDenied(
            f"The repo {repo} is gated{client.where}: its owner decides who may read it.",
            hint=f"Ask for access at {shown_endpoint(client.endpoint)}/{repo}"
            + ("." if client.has_token else f", then {client.how_to_log_in}."),
        )
    if isinstance(err, DisabledRepoError):
        return AccessDenied(f"The repo {repo} has been disabled by its hub{client.where}.")
    if isinstance(err, RevisionNotFoundError):
        return RepoNotFound(f"The repo {repo} has no revision {revision!r}{client.where}.")
    if isinstance(err, RemoteEntryNotFoundError):
        return _no_file(client, repo)
    if isinstance(err, HfHubHTTPError) and err.response.status_code == 401:
        return _unauthorised(err, client, repo)
    if isinstance(err, RepositoryNotFoundError):
        return no_repo(client, repo)
    if isinstance(err, HfHubHTTPError) and err.response.status_code == 404:
        return _not_there(err, client, repo, revision)
    if isinstance(err, HfHubHTTPError):
        return _by_status(err, client, repo)
    if isinstance(err, OfflineModeIsEnabled):
        return HubUnreachable(
            f"{repo} was not fetched: HF_HUB_OFFLINE is set.", hint="Unset it, and try again."
        )
    if isinstance(err, FileMetadataError):
        return not_a_hub(client)
    if isinstance(err, HTTPError):
        return HubUnreachable(
            f"No answer from {shown_endpoint(client.endpoint)}: {reason(err)}.",
            hint="Check the network and HF_ENDPOINT, and try again.",
        )
    if isinstance(err, OSError) and err.errno is not None:
        return _of_disk(err)
    return None


def _no_file(client: Client, repo: str) -> HubError:
    return HubError(f"A file is not in the repo {repo}{client.where} (any more).")


def no_repo(client: Client, repo: str) -> RepoNotFound:
    """No such repo, or none that the token may see: hubs do not tell which."""
    if client.has_token:
        return RepoNotFound(
            f"There is no repo {repo}{client.where} that your token may see.",
            hint="Check the spelling; if it is private, use a token of somebody who may read it.",
        )
    return RepoNotFound(
        f"There is no public repo {repo}{client.where}.",
        hint=f"Check the spelling; if it is private, {client.how_to_log_in} first.",
    )


def bad_token(client: Client) -> AccessDenied:
    """A token that the hub does not take."""
    which = "The token in HF_TOKEN" if os.environ.get("HF_TOKEN") else "The saved token"
    hint = "Ask whoever runs the hub for one, and set HF_TOKEN."
    if client.is_default:
        hint = "Make a new one at https://huggingface.co/settings/tokens, then `hf auth login`."
    return AccessDenied(
        f"{which} is not valid{client.where}: it is mistyped, expired or revoked.", hint=hint
    )


def _unauthorised(err: HfHubHTTPError, client: Client, repo: str) -> ZooError:
    """A 401: hubs also give it for what is not there, so as not to tell strangers what is."""
    said = err.response.headers.get("X-Error-Message") or ""
    reads = err.response.request.method in ("GET", "HEAD")
    if client.has_token and (not reads or _BAD_TOKEN.search(said)):
        return bad_token(client)
    return no_repo(client, repo) if reads else no_token(client, repo)


def _not_there(err: HfHubHTTPError, client: Client, repo: str, revision: str | None) -> ZooError:
    """A 404 of a hub that does not say what is missing; the address tells."""
    path = err.response.request.url.path
    if "/resolve/" in path:
        return _no_file(client, repo)
    if "/revision/" in path and revision is not None:
        return RepoNotFound(
            f"There is no repo {repo}{client.where}, or it has no revision {revision!r}.",
            hint=no_repo(client, repo).hint,
        )
    return no_repo(client, repo)


def _by_status(err: HfHubHTTPError, client: Client, repo: str) -> ZooError:
    status = err.response.status_code
    said = err.response.headers.get("X-Error-Message") or ""
    quoted = f" ({reason(said)})" if said else ""
    if status == 403:
        return AccessDenied(
            f"The hub{client.where} refused access to {repo}{quoted}.",
            hint="Use a token with the right to it, or another repo.",
        )
    if status == 429:
        wait = asked_to_wait(err.response.headers)
        return HubUnreachable(
            f"The hub{client.where} is asked too often.",
            hint=f"Try again in {wait:.0f} seconds." if wait else "Try again in some minutes.",
        )
    if status == 507:
        return HubError(f"The disk of the hub{client.where} is full; nothing was changed.")
    if status >= 500:
        return HubUnreachable(
            f"The hub{client.where} failed with HTTP {status}{quoted}.",
            hint="Try again in some minutes.",
        )
    return HubError(f"The hub{client.where} answered HTTP {status} for {repo}{quoted}.")


def no_token(client: Client, repo: str) -> AccessDenied:
    """The hub wants to know who asks."""
    return AccessDenied(
        f"{repo}{client.where} needs a token, and none was found.",
        hint="`hf auth login` saves one, or set HF_TOKEN."
        if client.is_default
        else "Ask whoever runs the hub for one, and set HF_TOKEN.",
    )


def not_a_hub(client: Client) -> HubUnreachable:
    """Something answers, and not as a hub does."""
    return HubUnreachable(
        f"What answers at {shown_endpoint(client.endpoint)} is not a hub.",
        hint="Check HF_ENDPOINT; a login page or a proxy may be in between.",
    )


def _of_disk(err: OSError) -> ZooError | None:
    if err.errno in (errno.ENOSPC, errno.EDQUOT):
        return WriteFailed(
            f"The disk of the cache, {constants.HF_HUB_CACHE}, is full; nothing unfinished was kept.",
            hint="Make room, or set HF_HOME to a place that has some.",
        )
    if err.errno in _UNWRITABLE:
        return WriteFailed(
            f"The cache, {constants.HF_HUB_CACHE}, cannot be written: {err.strerror}.",
            hint="Set HF_HOME to a place that can.",
        )
    return None
