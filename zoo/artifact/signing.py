"""Signatures in the OpenSSF format: who says that this manifest, and every file it lists, is theirs.

A signature covers ``zoo.json`` and through it every file that loading reads, so it is checked without
reading the weights: those are compared with the manifest anyway. All cryptography is model-signing's.
"""

from __future__ import annotations

import base64
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from zoo.artifact import strict_json
from zoo.artifact.files import open_regular
from zoo.artifact.manifest import MANIFEST, digest_of, parse_manifest
from zoo.errors import NotTrusted, PolicyInvalid

SIGNATURE = "model.sig"
MAX_BYTES = 1 << 20
_KEY_ID = re.compile(r"[0-9a-f]{64}")
PASSWORD = "ZOO_KEY_PASSWORD"  # the variable that opens an encrypted key
_HINT = "Install it: `pip install 'zoo[sign]'`."


def sign(content: bytes, key: Path, earlier: bytes | None = None) -> bytes:
    """A signature of the artifact whose manifest is ``content``.

    Args:
        content: of ``zoo.json``.
        key: a PEM file with a private key on the curve P-256, P-384 or P-521.
        earlier: a signature that is returned where it is this key's and covers the same; two
            signatures of the same thing are never the same bytes.

    Raises:
        PolicyInvalid: the key cannot be used, or model-signing is not installed.
    """
    signer = signer_of(key)
    if earlier is not None and _is_by(content, earlier, signer.public_pem):
        return earlier
    return bytes(signer.sign(_digests(content)))


def signer_of(key: Path) -> Any:
    """The private key in a PEM file; raises as :func:`sign`."""
    openssf = _openssf()
    if openssf is None:
        raise PolicyInvalid("Signing needs model-signing, which is not installed.", hint=_HINT)
    password = os.environ.get(PASSWORD)
    _existing(key)
    try:
        return openssf.Key(key, password.encode() if password else None)
    except Exception as err:  # cryptography raises several, TypeError for a missing password too
        raise PolicyInvalid(
            f"{key} is not a private key that can sign: {_reason(err)}.",
            hint="Make one: `openssl ecparam -name prime256v1 -genkey -noout -out KEY.pem`; the "
            f"password of an encrypted one goes into {PASSWORD}.",
        ) from err


def check(content: bytes, signature: bytes, key: Path) -> None:
    """Make sure that the owner of ``key`` signed the artifact whose manifest is ``content``.

    Args:
        content: of ``zoo.json``.
        signature: of ``model.sig``.
        key: a PEM file with a public key.

    Raises:
        NotTrusted: the signature is none, is another's, or covers something else.
        PolicyInvalid: the key cannot be used.
    """
    pem = _read_key(key)
    openssf = _openssf()
    if openssf is None:
        raise NotTrusted(
            "The signature cannot be checked: model-signing is not installed.", hint=_HINT
        )
    try:
        openssf.require_public_key(pem)
    except Exception as err:
        raise PolicyInvalid(
            f"{key} is not a public key that can check signatures: {_reason(err)}.",
            hint="It is a PEM file, as `openssl ec -in KEY.pem -pubout` writes it.",
        ) from err
    try:
        _verify(openssf, content, signature, pem)
    except Exception as err:  # whatever the library makes of a stranger's file
        reason = _reason(err) if covers(content, signature) else "it is of another zoo.json"
        raise NotTrusted(
            f"The signature is not by {key.name} over this artifact: {reason}.",
            hint="It was signed with another key, or changed since; ask its author.",
        ) from err


def covers(content: bytes, signature: bytes) -> bool:
    """Whether a signature, whoever made it, speaks of this manifest."""
    try:
        envelope = strict_json.parse(_bounded(signature))["dsseEnvelope"]
        statement = strict_json.parse(base64.b64decode(envelope["payload"], validate=True))
        resources = statement["predicate"]["resources"]
        signed = {resource["name"]: resource["digest"] for resource in resources}
        return bool(signed.get(MANIFEST) == digest_of(content))
    except (ValueError, TypeError, KeyError, AttributeError, NotTrusted):
        return False


def key_id(signature: bytes) -> str:
    """Which key a signature says it is by: the sha256 of the public key's PEM; nothing is checked."""
    try:
        told = strict_json.parse(_bounded(signature))["verificationMaterial"]["publicKey"]["hint"]
    except (ValueError, TypeError, KeyError, NotTrusted):
        return ""
    return told if isinstance(told, str) and _KEY_ID.fullmatch(told) else ""


def read_signature(folder: Path) -> bytes | None:
    """The signature in an artifact's folder, ``None`` where there is none.

    Raises:
        UnsafeFile: it is not a regular file.
        NotTrusted: it is larger than any signature.
    """
    path = folder / SIGNATURE
    if not path.exists() and not path.is_symlink():
        return None
    with open_regular(path) as stream:
        return _bounded(stream.read(MAX_BYTES + 1))


def _verify(openssf: Any, content: bytes, signature: bytes, pem: bytes) -> None:
    strict_json.parse(_bounded(signature))
    with tempfile.TemporaryDirectory(prefix="zoo-signature-") as folder:
        (Path(folder) / SIGNATURE).write_bytes(signature)
        (Path(folder) / "key.pub").write_bytes(pem)
        openssf.verify(_digests(content), Path(folder) / SIGNATURE, Path(folder) / "key.pub")


def _is_by(content: bytes, signature: bytes, pem: bytes) -> bool:
    try:
        _verify(_openssf(), content, signature, pem)
    except Exception:  # as in check
        return False
    return True


def _digests(content: bytes) -> dict[str, str]:
    """What is signed: sha256 by name."""
    listed = parse_manifest(content, MANIFEST).files
    return {MANIFEST: digest_of(content), **{name: file.sha256 for name, file in listed.items()}}


def _bounded(signature: bytes) -> bytes:
    if len(signature) > MAX_BYTES:
        raise NotTrusted(f"{SIGNATURE} is larger than {MAX_BYTES} bytes; no signature is.")
    return signature


def _read_key(path: Path) -> bytes:
    try:
        with _existing(path).open("rb") as stream:
            return stream.read(1 << 16)
    except OSError as err:
        raise PolicyInvalid(f"The key {path} cannot be read: {err.strerror}.") from err


def _existing(path: Path) -> Path:
    if not path.is_file():  # nor a FIFO, which would never end
        raise PolicyInvalid(f"There is no key {path}.", hint="Name a PEM file.")
    return path


def _openssf() -> Any | None:
    try:
        from zoo.artifact import openssf
    except ImportError:
        return None
    return openssf


def _reason(err: Exception) -> str:
    lines = str(err).strip().splitlines()
    return (lines[0] if lines else type(err).__name__)[:200].rstrip(".")
