"""Makes the clips of a package, in which people and what masks cover are hidden, and says what each was made from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from pipeline.errors import SourceError
from pipeline.file_digest import file_sha256
from pipeline.integrity.blurred_clip import Blurred, Hiding, Progress, blur_clip, hiding_of
from pipeline.integrity.derived import Statement
from pipeline.integrity.site_key import SiteKey
from pipeline.messages import Event
from pipeline.version import version


def blurred_of(name: str) -> str:
    """What the clip without bystanders is called, for the path of one."""
    return f"{Path(name).stem}.blurred.mp4"


@dataclass(slots=True)
class ClipMaker:
    """Makes clips out of those of one folder of results."""

    out: Path
    key: SiteKey | None = None
    """Of the site, where whoever exports has it."""
    at: str = ""
    """Now: RFC 3339, UTC."""
    tell: Progress = lambda name, pictures, of: None
    statements: list[Statement] = field(default_factory=list)
    """Of what was made so far."""
    made: list[dict[str, Any]] = field(default_factory=list)
    """The same for the page and for ``package.json``."""
    failed: dict[str, str] = field(default_factory=dict)
    """Clips of which none could be made, and why."""

    def hides(self, name: str) -> bool:
        """Whether anybody, or anything that a privacy mask covers, is to be hidden in this clip."""
        hiding = hiding_of(self._note(name))
        return bool(hiding.people or hiding.areas)

    def roles(self, name: str) -> list[str] | None:
        """Public keys of the roles that may see this clip as it is; None where that is not said."""
        return hiding_of(self._note(name)).roles

    def make(self, name: str, messages: Sequence[Event], folder: Path, path: str) -> str:
        """Make ``path`` of a package from the clip ``name``; what is to be said of it, empty if it cannot be made.

        Raises ``OSError``.
        """
        target, note = folder / path, self._note(name)
        try:
            digest = file_sha256(self.out / name)
            blurred = blur_clip(self.out, name, note, messages, target, self.tell)
        except SourceError as error:
            self.failed[name] = str(error)
            return ""
        told = _told(blurred, hiding_of(note))
        said = Statement(
            path=path,
            sha256=file_sha256(target),
            source=name,
            source_sha256=digest,
            made=self.at,
            version=version(),
            note=told,
        )
        self.statements.append(said.signed(self.key))
        self.made.append({"path": path, "source": name, "pictures": blurred.pictures, "unknown": blurred.unknown})
        return told

    def _note(self, name: str) -> dict[str, Any]:
        """What is said beside a clip; nothing where that cannot be read."""
        try:
            note = msgspec.json.decode((self.out / name).with_suffix(".json").read_bytes())
        except (OSError, msgspec.MsgspecError):
            return {}
        return note if isinstance(note, dict) else {}


def _told(blurred: Blurred, hiding: Hiding) -> str:
    if not hiding.people:
        return "What privacy masks cover is hidden. People are not hidden."
    text = "People whom the event is not about are hidden where the detector saw them."
    if blurred.unknown:
        why = f" ({blurred.reason})" if blurred.reason else ""
        text += f" Of {blurred.unknown} of {blurred.pictures} pictures it is not known who was where{why}: in those "
        text += "nothing can be made out."
    return text
