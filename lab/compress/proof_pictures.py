"""The pictures that a model is proved on: they may neither calibrate it nor teach it, under whatever name they lie."""

from collections.abc import Iterable
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.file_digest import file_sha256


class ProofPictures:
    """Files by what is in them: data sets are trees of hard links, and of copies where a link cannot be made.

    ``path in pictures`` says whether a file has the content of one of them. Only files of a size that one of them has
    are read. Raises ``UsageError`` for a picture that cannot be read.
    """

    def __init__(self, pictures: Iterable[Path] = ()) -> None:
        self._digests: set[str] = set()
        self._sizes: set[int] = set()
        for picture in pictures:
            try:
                self._digests.add(file_sha256(picture))
                self._sizes.add(picture.stat().st_size)
            except OSError as error:
                raise UsageError(f"--data: {picture} cannot be read: {error.strerror}") from error

    def __contains__(self, file: Path) -> bool:
        try:
            return file.stat().st_size in self._sizes and file_sha256(file) in self._digests
        except OSError:
            return False  # whoever reads the picture says why it cannot be
