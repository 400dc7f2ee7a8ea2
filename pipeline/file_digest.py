"""What tells one file from another: the digest of its content."""

from hashlib import file_digest
from pathlib import Path


def file_sha256(path: Path) -> str:
    """SHA-256 of a file as hex, read piece by piece however large it is. Raises ``OSError``."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
