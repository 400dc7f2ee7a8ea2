"""Bech32 (BIP 173): bytes as text that shows what it is, with a checksum that finds slips of whoever copied it."""

from collections.abc import Iterable

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_CHECKSUM = 6
"""Characters at the end."""


def encode(prefix: str, data: bytes) -> str:
    """The lower-case text of ``data``; ``prefix`` says what it is."""
    values = _regrouped(data, 8, 5)
    if left := len(data) * 8 % 5:
        values.append((data[-1] << (5 - left)) & 31)
    rest = _remainder([*_expanded(prefix), *values, *[0] * _CHECKSUM]) ^ 1
    values += [rest >> 5 * (_CHECKSUM - 1 - place) & 31 for place in range(_CHECKSUM)]
    return f"{prefix}1{''.join(_ALPHABET[value] for value in values)}"


def decode(text: str) -> tuple[str, bytes]:
    """Prefix, in lower case, and bytes. Raises ``ValueError`` for what is not Bech32, or has a slip in it."""
    prefix, separator, rest = text.lower().rpartition("1")
    if not (text.isascii() and separator and prefix) or text not in (text.lower(), text.upper()):
        raise ValueError("is not Bech32")
    values = [_ALPHABET.find(character) for character in rest]
    if len(values) < _CHECKSUM or -1 in values:
        raise ValueError("is not Bech32")
    if _remainder([*_expanded(prefix), *values]) != 1:
        raise ValueError("its checksum is wrong: a character was altered or is missing")
    values = values[:-_CHECKSUM]
    left = len(values) * 5 % 8
    if left >= 5 or (left and values[-1] & ((1 << left) - 1)):
        raise ValueError("is not Bech32")
    return prefix, bytes(_regrouped(values, 5, 8))


def _regrouped(values: Iterable[int], have: int, want: int) -> list[int]:
    """Numbers of ``have`` bits as numbers of ``want`` bits; bits that do not fill one are left out."""
    found, held, bits = [], 0, 0
    for value in values:
        held, bits = held << have | value, bits + have
        while bits >= want:
            bits -= want
            found.append(held >> bits)
            held &= (1 << bits) - 1
    return found


def _expanded(prefix: str) -> list[int]:
    return [*(ord(each) >> 5 for each in prefix), 0, *(ord(each) & 31 for each in prefix)]


def _remainder(values: Iterable[int]) -> int:
    """Of the polynomial that ``values`` are, over GF(32), by that of the code (BIP 173)."""
    rest = 1
    for value in values:
        top = rest >> 25
        rest = (rest & 0x1FFFFFF) << 5 ^ value
        for place, step in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            rest ^= step if top >> place & 1 else 0
    return rest
