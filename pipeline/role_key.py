"""Keys of roles: whoever holds the private one may see the originals. X25519, as text of the age format
(https://age-encryption.org/v1, "The X25519 recipient type"), so that the tool ``age`` takes them, too.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import bech32
from pipeline.errors import UsageError
from pipeline.private_file import read_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

PUBLIC = "age"
PRIVATE = "age-secret-key-"
_BYTES = 32


def recipient(text: str) -> bytes:
    """The public key that ``age1...`` names, 32 bytes. Raises ``ValueError`` for whatever is none that can be used.

    What a private key says is repeated in no message.
    """
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    wanted = "age1 and 58 letters and digits are wanted, as `bartizan keys role NAME` prints them"
    if text.lower().startswith(PRIVATE):
        raise ValueError(f"is the private key of a role, which belongs in no configuration: {wanted}")
    try:
        prefix, data = bech32.decode(text)
    except ValueError as error:
        raise ValueError(f"is no public key of a role: {error}; {wanted}") from error
    if prefix != PUBLIC or len(data) != _BYTES:
        raise ValueError(f"is no X25519 key: {wanted}")
    try:
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(data))
    except ValueError as error:  # a point of small order: what is sealed for it, everybody could open
        raise ValueError(f"is no key that keeps anything secret: {wanted}") from error
    return data


@dataclass(frozen=True, slots=True)
class RoleKey:
    """The key of a role; the private half stays out of every text."""

    public: str
    """``age1...``: what goes into the configuration."""
    secret: "X25519PrivateKey" = field(repr=False)

    @property
    def recipient(self) -> bytes:
        """The public half, 32 bytes."""
        return self.secret.public_key().public_bytes_raw()

    @classmethod
    def of(cls, data: bytes) -> "RoleKey":
        """The key whose private half is ``data``, 32 bytes."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        secret = X25519PrivateKey.from_private_bytes(data)
        return cls(bech32.encode(PUBLIC, secret.public_key().public_bytes_raw()), secret)

    @classmethod
    def make(cls, path: Path, name: str) -> "RoleKey":
        """A new one, for its owner alone in the file ``path``, whose folder is made (mode 0700) if absent.

        Raises ``UsageError`` if there is such a file or it cannot be written.
        """
        data = os.urandom(_BYTES)
        key = cls.of(data)
        text = f"# role: {name}\n# public key: {key.public}\n{bech32.encode(PRIVATE, data).upper()}\n"
        if path.exists():
            raise UsageError(f"{path}: is there already, and may open what was sealed: name another role")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        return key

    @classmethod
    def load(cls, path: Path) -> "RoleKey":
        """The one in a file. Raises ``UsageError`` if others could read it, or it holds no key, or several."""
        lines = [line for line in _read(path).splitlines() if line.strip() and not line.startswith("#")]
        if lines and lines[0].startswith("age-encryption.org/"):
            raise UsageError(f"{path}: is sealed itself: open it first (age -d) and name what comes out")
        if len(lines) == 1 and lines[0].lower().startswith(PUBLIC + "1"):
            raise UsageError(f"{path}: is the public key of a role; its private one is wanted")
        if len(lines) != 1:
            raise UsageError(f"{path}: holds {len(lines)} lines of keys: one AGE-SECRET-KEY-1... is wanted")
        try:
            prefix, data = bech32.decode(lines[0].strip())
            if prefix != PRIVATE or len(data) != _BYTES:
                raise ValueError("is of another kind")
        except ValueError as error:
            raise UsageError(f"{path}: is no private key of a role (AGE-SECRET-KEY-1...): {error}") from error
        return cls.of(data)


def _read(path: Path) -> str:
    try:
        return read_private(path, called="private key").decode("ascii")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is no private key of a role: it is no text") from error
