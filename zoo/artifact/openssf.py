"""model-signing (OpenSSF), asked to sign and check digests that zoo has taken already.

Imported only where something is signed or checked: it is an extra, and slow to import.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from model_signing import hashing, manifest, signing, verifying
from model_signing._hashing.hashing import Digest  # the only class its manifests take

_METHOD = {"method": "files", "hash_type": "sha256", "allow_symlinks": False}


class Key:
    """A private key.

    Args:
        path: a PEM file.
        password: where it is encrypted.

    Raises:
        ValueError, TypeError: it is no private key on a curve the format has, or the password is
            wrong or missing.
    """

    def __init__(self, path: Path, password: bytes | None) -> None:
        self._path, self._password = path, password
        key = serialization.load_pem_private_key(path.read_bytes(), password)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("it is not a key on an elliptic curve")
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        self.public_pem = key.public_key().public_bytes(serialization.Encoding.PEM, form)
        # Its annotation says text; cryptography, which gets it, takes bytes.
        self._signer = signing.Config().use_elliptic_key_signer(
            private_key=path,
            password=password,  # type: ignore[arg-type]
        )

    def sign(self, digests: Mapping[str, str]) -> bytes:
        """A signature over sha256 by name."""
        with tempfile.TemporaryDirectory(prefix="zoo-signing-") as folder:
            made = Path(folder) / "model.sig"
            self._signer.set_hashing_config(_Known(digests)).sign(Path(folder), made)
            return made.read_bytes()


def require_public_key(pem: bytes) -> None:
    """Raises ``ValueError`` or ``TypeError`` where ``pem`` is no public key on a curve."""
    if not isinstance(serialization.load_pem_public_key(pem), ec.EllipticCurvePublicKey):
        raise TypeError("it is not a key on an elliptic curve")


def verify(digests: Mapping[str, str], signature: Path, key: Path) -> None:
    """Raises unless the owner of ``key`` signed exactly these digests."""
    config = verifying.Config().set_hashing_config(_Known(digests))
    config.use_elliptic_key_verifier(public_key=key).verify(signature.parent, signature)


class _Known(hashing.Config):
    """Stands for files whose digests are known: nothing is read."""

    def __init__(self, digests: Mapping[str, str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        method = manifest.SerializationType.from_args(_METHOD)
        self._described = manifest.Manifest(
            "artifact",
            [method.new_item(n, Digest("sha256", bytes.fromhex(d))) for n, d in digests.items()],
            method,
        )

    def hash(self, model_path: Any, *, files_to_hash: Any = None) -> manifest.Manifest:
        return self._described

    def add_ignored_paths(self, *, model_path: Any, paths: Any) -> None:
        # A signature may ask to ignore paths; here it has to cover exactly what is known.
        pass
