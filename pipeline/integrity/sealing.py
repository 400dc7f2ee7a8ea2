"""Sealed files: whoever holds the private key of a role opens them, and nobody else, this machine included.

The format is age v1 (https://age-encryption.org/v1, C2SP age.md) with X25519 recipients: the tool ``age`` opens it.
A key of the file is wrapped for each role (X25519, HKDF-SHA-256, ChaCha20-Poly1305); the content follows in chunks of
64 KiB, each authenticated, the last one marked. One stanza more, which other readers pass over as the format demands,
names the SHA-256 of what is inside: so a picture that was opened can be held against the chain without any key.
"""

import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from pipeline.errors import BartizanError

if TYPE_CHECKING:
    from pipeline.role_key import RoleKey

SUFFIX = ".age"
DIGEST = b"bartizan/sha256"
"""First word of the stanza that names the digest of what is inside."""
_VERSION = b"age-encryption.org/v1"
_X25519 = b"X25519"
_INFO = b"age-encryption.org/v1/X25519"
_CHUNK = 64 * 1024
_TAG = 16
_NO_NONCE = bytes(12)
"""A wrapping key is used once."""
_MOST_STANZAS = 128
"""Each costs a key exchange before anything of the file is known to be true."""


class SealError(BartizanError):
    """A sealed file is damaged, or something else than one."""


class WrongKey(SealError):
    """A sealed file is whole as far as can be told, and was sealed for others."""


def seal(data: bytes, recipients: Sequence[bytes]) -> bytes:
    """``data`` sealed for the holders of these public keys (32 bytes each, at least one)."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    file_key, nonce = os.urandom(16), os.urandom(16)
    lines = [_VERSION]
    for public in recipients:
        lines += _wrapped(file_key, public)
    lines += [b"-> %s %s" % (DIGEST, sha256(data).hexdigest().encode()), b""]
    header = b"\n".join([*lines, b"---"])
    cipher = ChaCha20Poly1305(_derived(file_key, nonce, b"payload"))
    parts = [header, b" ", _text(_mac(file_key, header)), b"\n", nonce]
    starts = range(0, len(data) or 1, _CHUNK)
    for number, start in enumerate(starts):
        part = memoryview(data)[start : start + _CHUNK]
        parts.append(cipher.encrypt(_nonce(number, is_last=number == len(starts) - 1), part, None))
    return b"".join(parts)


def opens(data: bytes, key: "RoleKey") -> None:
    """Raises ``WrongKey`` if a file was not sealed for this key, ``SealError`` if its header is damaged."""
    _file_key(_Sealed.of(data), key)


def unseal(data: bytes, key: "RoleKey") -> bytes:
    """What is inside. Raises ``WrongKey`` if it was sealed for others, ``SealError`` if it is not as it was."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    sealed = _Sealed.of(data)
    cipher = ChaCha20Poly1305(_derived(_file_key(sealed, key), bytes(sealed.payload[:16]), b"payload"))
    content = sealed.payload[16:]
    found = []
    starts = range(0, max(len(content), 1), _CHUNK + _TAG)
    try:
        for number, start in enumerate(starts):
            part, is_last = content[start : start + _CHUNK + _TAG], number == len(starts) - 1
            found.append(cipher.decrypt(_nonce(number, is_last=is_last), part, None))
    except InvalidTag as error:
        raise SealError("is damaged: it was cut off or altered") from error
    if len(found) > 1 and not found[-1]:
        raise SealError("is damaged: it ends with an empty chunk")
    opened = b"".join(found)
    if sealed.digest not in ("", sha256(opened).hexdigest()):
        raise SealError("is damaged: what is inside is not what its header names")
    return opened


def digest_inside(data: bytes) -> str:
    """SHA-256 of what is inside, as the header names it; empty where it names none. Raises ``SealError``."""
    return _Sealed.of(data).digest


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A sealed file, taken apart."""

    stanzas: list[tuple[list[bytes], bytes]]
    """Words and body of each."""
    header: bytes
    """What the MAC is over."""
    mac: bytes
    payload: memoryview

    @property
    def digest(self) -> str:
        named = [words[1] for words, _ in self.stanzas if words[0] == DIGEST and len(words) == 2]
        return named[0].decode("latin-1") if len(named) == 1 else ""

    @classmethod
    def of(cls, data: bytes) -> "_Sealed":
        if not data.startswith(_VERSION + b"\n"):
            raise SealError("is no sealed file (age v1)")
        end = data.find(b"\n--- ")
        close = data.find(b"\n", end + 1)
        if end < 0 or close < 0:
            raise SealError("is damaged: its header is cut off")
        stanzas = list(_stanzas(data[len(_VERSION) + 1 : end].split(b"\n")))
        header, payload = data[: end + len(b"\n---")], memoryview(data)[close + 1 :]
        mac = _bytes(data[end + len(b"\n--- ") : close], 32)
        if len(payload) < 16 + _TAG:
            raise SealError("is damaged: it is cut off")
        return cls(stanzas, header, mac, payload)


def _stanzas(lines: list[bytes]) -> Iterator[tuple[list[bytes], bytes]]:
    """Words and body of each stanza of a header."""
    place, found = 0, 0
    while place < len(lines):
        start, *words = lines[place].split(b" ")
        found += 1
        if start != b"->" or not words or not all(words) or found > _MOST_STANZAS:
            raise SealError("is damaged: its header is none")
        body = b""
        while True:
            place += 1
            if place == len(lines) or len(lines[place]) > 64:
                raise SealError("is damaged: its header is none")
            body += lines[place]
            if len(lines[place]) < 64:
                break
        yield words, body
        place += 1


def _file_key(sealed: _Sealed, key: "RoleKey") -> bytes:
    """The key of a file, which proves its header."""
    for words, body in sealed.stanzas:
        if words[0] != _X25519:
            continue
        if len(words) != 2:
            raise SealError("is damaged: its header is none")
        file_key = _unwrapped(_bytes(words[1], 32), _bytes(body, 32), key)
        if file_key is None:
            continue
        if not hmac.compare_digest(_mac(file_key, sealed.header), sealed.mac):
            raise SealError("is damaged: its header was altered")
        return file_key
    raise WrongKey("is sealed for others than this key")


def _wrapped(file_key: bytes, public: bytes) -> tuple[bytes, bytes]:
    """The stanza of a recipient: its two lines."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    passing = X25519PrivateKey.generate()
    share = passing.public_key().public_bytes_raw()
    shared = passing.exchange(X25519PublicKey.from_public_bytes(public))
    body = ChaCha20Poly1305(_derived(shared, share + public, _INFO)).encrypt(_NO_NONCE, file_key, None)
    return b"-> %s %s" % (_X25519, _text(share)), _text(body)


def _unwrapped(share: bytes, body: bytes, key: "RoleKey") -> bytes | None:
    """The key of a file out of a stanza; None if that is another's."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    try:
        shared = key.secret.exchange(X25519PublicKey.from_public_bytes(share))
        wrapping = _derived(shared, share + key.recipient, _INFO)
        return ChaCha20Poly1305(wrapping).decrypt(_NO_NONCE, body, None)
    except InvalidTag:
        return None
    except ValueError as error:  # a point of small order
        raise SealError("is damaged: its header is none") from error


def _derived(key: bytes, salt: bytes, info: bytes) -> bytes:
    """HKDF-SHA-256 (RFC 5869), 32 bytes."""
    first = hmac.digest(salt or bytes(32), key, "sha256")
    return hmac.digest(first, info + b"\x01", "sha256")


def _mac(file_key: bytes, header: bytes) -> bytes:
    return hmac.digest(_derived(file_key, b"", b"header"), header, "sha256")


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _text(data: bytes) -> bytes:
    return b64encode(data).rstrip(b"=")


def _bytes(text: bytes, size: int) -> bytes:
    """The inverse of ``_text``, for that many bytes and one way to write them."""
    try:
        data = b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise SealError("is damaged: its header is none") from error
    if len(data) != size or _text(data) != text:
        raise SealError("is damaged: its header is none")
    return data
