"""The trust policy: which keys may sign what which owners publish. A project can only tighten it."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo.artifact import signing
from zoo.errors import NotTrusted, PolicyInvalid

PROJECT = "zoo-trust.toml"
_MAX_BYTES = 1 << 20
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}\Z")


class Policy(BaseModel):
    """One ``trust.toml``.

    Attributes:
        unsigned: what happens with owners that are not named: ``refuse`` asks for a signature by
            any of the keys.
        keys: PEM files by name, from the file's own folder.
        owners: which keys may sign, by owner of the repo.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    unsigned: Literal["allow", "refuse"] = "allow"
    keys: dict[str, str] = Field(default_factory=dict)
    owners: dict[str, Annotated[list[str], Field(min_length=1)]] = Field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """A policy and the file it is in."""

    path: Path
    policy: Policy

    def keys_for(self, owner: str) -> dict[str, Path] | None:
        """The keys that may sign for an owner; ``None`` where nothing is asked."""
        for known, names in self.policy.owners.items():
            if known.lower() == owner.lower():  # as hubs compare them
                return {name: self.key(name) for name in names}
        if self.policy.unsigned == "allow":
            return None
        return {name: self.key(name) for name in self.policy.keys}

    def key(self, name: str) -> Path:
        """Where a key is."""
        return self.path.parent / Path(self.policy.keys[name]).expanduser()


@dataclass(frozen=True)
class Signed:
    """Who signed an artifact.

    Attributes:
        key: the sha256 of the public key's PEM, as the signature says it; empty where it says none.
        by: the name a trust policy has for the key, once the signature was checked with it.
    """

    key: str
    by: str | None

    def __str__(self) -> str:
        return (
            f"{self.by} (key {self.key[:12]})" if self.by else f"key {self.key[:12]}, not checked"
        )


def sources() -> list[Source]:
    """The user's policy and that of the project around the working directory, where there are any.

    Raises:
        PolicyInvalid: one of them cannot be used; nothing is trusted by a mistake in it.
    """
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    users, projects = Path(home, "zoo", "trust.toml").expanduser(), _of_project()
    found = [users] if _is_there(users) else []
    return [_read(path) for path in (*found, *([projects] if projects else []))]


def asks_of(owner: str) -> Path | None:
    """The policy that asks for a signature on what an owner publishes, if one does.

    Raises:
        PolicyInvalid: a policy cannot be used.
    """
    return next((each.path for each in sources() if each.keys_for(owner) is not None), None)


def require(repo: str, content: bytes, signature: bytes | None) -> None:
    """Refuse an artifact that a policy does not trust; every policy has a say, none can loosen another.

    Args:
        repo: ``owner/name``.
        content: of its ``zoo.json``.
        signature: of its ``model.sig``, if it has one.

    Raises:
        NotTrusted: it is not signed, or not by a key that may.
        PolicyInvalid: a policy cannot be used.
    """
    for source in sources():
        wanted = source.keys_for(repo.partition("/")[0])
        if wanted is None:
            continue
        if not wanted:
            raise NotTrusted(
                f"{source.path} asks for a signature on {repo}, and knows no key; nothing of it was "
                "opened.",
                hint="Name the keys that you trust in it, under [keys]: `docs/trust.md` shows how.",
            )
        asks = f"{source.path} asks for a signature by {' or '.join(wanted)}"
        if signature is None:
            raise NotTrusted(
                f"{repo} is not signed, and {asks}; nothing of it was opened.",
                hint="Ask its owner to push it with `--sign`.",
            )
        if _signer(content, signature, wanted) is None:
            raise NotTrusted(
                f"{repo} is signed with key {signing.key_id(signature)[:12]!r}, and {asks}; nothing "
                "of it was opened.",
                hint="It was signed by somebody else, or changed since; ask its owner.",
            )


def signed(content: bytes, signature: bytes | None) -> Signed | None:
    """Who signed an artifact, by the names of the policies' keys; ``None`` where nobody did."""
    if signature is None:
        return None
    keys = {name: source.key(name) for source in sources() for name in source.policy.keys}
    try:
        by = _signer(content, signature, keys)
    except NotTrusted:  # nothing here can check it
        by = None
    return Signed(signing.key_id(signature), by)


def _signer(content: bytes, signature: bytes, keys: dict[str, Path]) -> str | None:
    for name, path in keys.items():
        try:
            signing.check(content, signature, path)
        except NotTrusted as err:
            if "not installed" in err.message:
                raise
            continue
        return name
    return None


def _of_project() -> Path | None:
    try:
        here = Path.cwd()
    except FileNotFoundError:  # of a process whose own directory is gone
        return None
    return next((at / PROJECT for at in (here, *here.parents) if _is_there(at / PROJECT)), None)


def _is_there(path: Path) -> bool:
    """Whether there is anything of that name: what cannot be read is a mistake, not an absence."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        # Of a folder that is a link to nothing, nobody knows what is in it.
        return any(at.is_symlink() and not at.exists() for at in path.parents)
    except OSError:
        return True
    return True


def _read(path: Path) -> Source:
    try:
        policy = _parsed(path)
        source = Source(path, policy)
        _require_owners(policy)
        _require_keys(source)
    except (OSError, ValueError, RuntimeError) as err:  # the last of a ~user who is not there
        if isinstance(err, ValidationError):
            first = err.errors()[0]
            reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        else:
            reason = str(err).splitlines()[0]
        raise PolicyInvalid(
            f"The trust policy {path} cannot be used: {reason[:300]}.",
            hint="`docs/trust.md` shows one; nothing is pulled until it is mended.",
        ) from err
    return source


def _parsed(path: Path) -> Policy:
    if not path.exists():
        raise ValueError("it is a link to nothing; it has to be a file")
    if not path.is_file():
        raise ValueError("it is not a file; it has to be one, in TOML")
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(f"it is larger than {_MAX_BYTES} bytes")
    return Policy.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def _require_owners(policy: Policy) -> None:
    """Refuse rules that would bind nobody, or two of which bind the same owner."""
    for owner, names in policy.owners.items():
        if not _OWNER.match(owner):
            raise ValueError(
                f"owners names {owner!r}, which no owner can be called; an owner is what stands "
                "before the '/' of a repo, of ASCII letters, digits, '-', '_' and '.'"
            )
        unknown = sorted(set(names) - policy.keys.keys())
        if unknown:
            known = ", ".join(sorted(policy.keys)) or "nothing"
            raise ValueError(
                f"owners names {unknown[0]!r}, which is not in keys; they have {known}"
            )
    if len({owner.lower() for owner in policy.owners}) < len(policy.owners):
        raise ValueError("owners names one owner twice, in capital and small letters")


def _require_keys(source: Source) -> None:
    for name in source.policy.keys:
        if not source.key(name).is_file():
            raise ValueError(f"keys.{name} is {source.key(name)}, and no such file is there")
