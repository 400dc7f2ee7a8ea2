"""The key of a site (Ed25519, RFC 8032): whoever knows its public half can tell that a chain was written there."""

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from pipeline.errors import CannotStart

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

VARIABLE = "BARTIZAN_SITE_KEY"
"""Names another file for the key."""


@dataclass(frozen=True, slots=True)
class SiteKey:
    """A key pair; the secret half stays out of every text."""

    public: str
    """64 hexadecimal digits."""
    _secret: "Ed25519PrivateKey" = field(repr=False)

    def sign(self, digest: str) -> str:
        """The signature of a hexadecimal digest, 128 hexadecimal digits."""
        return self._secret.sign(bytes.fromhex(digest)).hex()

    @classmethod
    def load(cls, path: Path) -> "SiteKey":
        """The key in a PEM file, made if there is none. Raises ``CannotStart`` if it cannot be read or made."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        try:
            if not path.exists():
                _write(path, _made())
            secret = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise CannotStart(f"site key {path}: {error.strerror}; set {VARIABLE} to another file") from error
        except (ValueError, TypeError) as error:
            raise CannotStart(f"site key {path}: is no Ed25519 key in PEM without a password") from error
        if not isinstance(secret, Ed25519PrivateKey):
            raise CannotStart(f"site key {path}: is a key, but no Ed25519 key")
        public = secret.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return cls(public.hex(), secret)


def key_path() -> Path:
    """Where the key of this site lies unless it is said otherwise."""
    if given := os.environ.get(VARIABLE):
        return Path(given)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "bartizan" / "site.key"


def is_signed_by(public: str, digest: str, signature: str) -> bool:
    """Whether this key signed this digest; False for whatever is malformed, too."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(
            bytes.fromhex(signature), bytes.fromhex(digest)
        )
    except (ValueError, InvalidSignature):
        return False
    return True


def _made() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes) -> None:
    """For its owner alone. Of two processes that make it at the same time one wins, and both use that one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink()
