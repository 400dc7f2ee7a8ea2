"""Checks the package of evidence that this script lies in. Needs Python 3.9 or newer and nothing else.

    python3 verify.py            names what was altered, is missing, or was inserted; exit code 0: nothing
    python3 verify.py KEY        the same, and the site must be the one with this public key (64 hexadecimal digits)

Each item is told by an entry of proof.jsonl, which the key of the site signed (Ed25519, RFC 8032, section 5.1.7).
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

Point = tuple[int, int, int, int]

HERE = Path(__file__).resolve().parent
SAID = ("path", "sha256", "source", "source_sha256", "made", "version", "note")
"""Of a statement in derived.json, what is signed, in order, after the word "derived"."""
FIELDS = ("n", "prev", "kind", "name", "sha256", "size", "taken", "number", "note")
"""Of an entry, what its hash covers, in order."""
OWN = {"verify.py", "proof.jsonl", "index.html", "package.json", "derived.json"}
"""What is in every package and proves nothing."""
SEALED = ".age"
"""Ends the name of a sealed file."""

# ---- Ed25519: the curve -x^2 + y^2 = 1 + d x^2 y^2 modulo P, points as (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
"""Of -1."""


def add(a: Point, b: Point) -> Point:
    """The sum of two points."""
    s, t = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    u, v = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = t - s, v - u, v + u, t + s
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number: int, point: Point) -> Point:
    """A point added to itself so many times."""
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = add(total, point)
        point, number = add(point, point), number >> 1
    return total


def point_of(data: bytes) -> Point | None:
    """The point that 32 bytes name; None if there is none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE: Any = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the holder of this key signed this message."""
    if len(key) != 32 or len(signature) != 64:
        return False
    holder, commitment = point_of(key), point_of(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if holder is None or commitment is None or scalar >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    left, right = times(scalar, BASE), add(commitment, times(challenge, holder))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# ---- the package


def faults_of(folder: Path, wanted: str = "") -> list[str]:
    """What is wrong with a package, a line each."""
    try:
        package = json.loads((folder / "package.json").read_text("utf-8"))
        entries = [json.loads(line) for line in (folder / "proof.jsonl").read_text("utf-8").splitlines()]
        key, items = package["key"], package["items"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"this is no package of evidence, or it is damaged: {error}"]
    found = [f"the site is {key or 'not named'}, not {wanted}"] if wanted and key != wanted else []
    if not key:
        found.append("nothing is signed: whoever made the package could have made up what it says")
    entries_of = {}
    for entry in entries:
        found += entry_faults(entry, key)
        entries_of[(entry.get("kind"), entry.get("name"))] = entry
    told = set()
    for item in items:
        told.add(item["path"])
        if item["kind"] == "derived":
            found += derived_faults(folder, item, entries_of.get(("file", item["name"])), key)
        else:
            found += item_faults(folder, item, entries_of.get((item["kind"], item["name"])))
    here = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for name in sorted(here - told - OWN):
        found += opened_faults(folder, name) if name + SEALED in told else [f"inserted: {name} is not in the proof"]
    return found


def entry_faults(entry: dict[str, Any], key: str) -> list[str]:
    """What is wrong with an entry of the proof."""
    where = f"entry {entry.get('n')} ({entry.get('kind')} {entry.get('name')})"
    try:
        values = json.dumps([entry[name] for name in FIELDS], separators=(",", ":"), ensure_ascii=True)
        if hashlib.sha256(values.encode()).hexdigest() != entry["hash"]:
            return [f"altered: {where} of the proof"]
        digest, signature = bytes.fromhex(entry["hash"]), bytes.fromhex(entry["signature"])
        if key and not is_signed(bytes.fromhex(key), digest, signature):
            return [f"altered: {where} of the proof is not signed by the site"]
    except (KeyError, ValueError, TypeError) as error:
        return [f"altered: {where} of the proof is damaged: {error}"]
    return []


def item_faults(folder: Path, item: dict[str, Any], entry: dict[str, Any] | None) -> list[str]:
    """What is wrong with a file, or with a message, which is a line of a file."""
    name = item["path"] if item["kind"] == "file" else f"{item['path']}, message {item['name']}"
    if entry is None:
        return [f"inserted: {name} is not in the proof"]
    try:
        data = (folder / item["path"]).read_bytes()
        if item["kind"] == "event":
            data = data.splitlines()[item["line"] - 1]
    except (OSError, IndexError):
        return [f"missing: {name}"]
    return [] if hashlib.sha256(data).hexdigest() == entry["sha256"] else [f"altered: {name}"]


def derived_faults(folder: Path, item: dict[str, Any], entry: dict[str, Any] | None, key: str) -> list[str]:
    """What is wrong with a file that was made for the package, from one that an entry of the proof tells of.

    The site says so in derived.json, and signs it: sha256 over a JSON array of the word "derived" and the values.
    """
    name = item["path"]
    try:
        statements = json.loads((folder / "derived.json").read_text("utf-8"))
        said = next((each for each in statements if each["path"] == name), None)
        if said is None or entry is None:
            return [f"inserted: {name} is not in the proof"]
        values = json.dumps(["derived", *(said[field] for field in SAID)], separators=(",", ":"), ensure_ascii=True)
        digest = hashlib.sha256(values.encode()).digest()
        signed = bool(said["signature"]) and is_signed(bytes.fromhex(key), digest, bytes.fromhex(said["signature"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"inserted: {name} is not in the proof: derived.json is damaged: {error}"]
    found = []
    if key and not signed:
        found.append(f"not proven: {name}: the site did not sign what derived.json says of it")
    if (said["source"], said["source_sha256"]) != (entry["name"], entry["sha256"]):
        found.append(f"altered: {entry['name']} was another file when {name} was made from it")
    try:
        digest = hashlib.sha256((folder / name).read_bytes()).digest()
    except OSError:
        return [*found, f"missing: {name}"]
    return found if digest.hex() == said["sha256"] else [*found, f"altered: {name}"]


def opened_faults(folder: Path, name: str) -> list[str]:
    """What is wrong with a file that came out of a sealed one beside it, which is in the proof.

    A line of the header of that, which anybody can read, says what is inside: ``-> bartizan/sha256 DIGEST``.
    """
    try:
        data, sealed = (folder / name).read_bytes(), (folder / (name + SEALED)).read_bytes()
    except OSError:
        return [f"missing: {name}{SEALED}"]
    words = [line.split() for line in sealed.split(b"\n--- ")[0].split(b"\n")]
    inside = [line[2:] for line in words if line[:2] == [b"->", b"bartizan/sha256"]]
    wanted = [[hashlib.sha256(data).hexdigest().encode()]]
    return [] if inside == wanted else [f"altered: {name} is not what is sealed in {name}{SEALED}"]


def deleted_in(folder: Path) -> list[str]:
    """What the site says that it deleted itself, a line each; ``faults_of`` says whether it signed that."""
    try:
        entries = [json.loads(line) for line in (folder / "proof.jsonl").read_text("utf-8").splitlines()]
        return [
            f"deleted by the site: {e['name']} at {e['taken']}: {e['note']}"
            for e in entries
            if e["kind"] == "tombstone"
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def main() -> int:
    """Say what is wrong; the exit code."""
    found = faults_of(HERE, sys.argv[1].lower() if len(sys.argv) > 1 else "")
    for fault in found:
        sys.stdout.write(fault + "\n")
    for told in deleted_in(HERE):
        sys.stdout.write(told + "\n")
    try:
        package = json.loads((HERE / "package.json").read_text("utf-8"))
        about = f"{len(package['items'])} items, signed by {package['key'] or 'nobody'}"
    except (OSError, ValueError, KeyError, TypeError):
        about = "no items"
    sys.stdout.write(f"{'not intact' if found else 'intact'}: {about}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
