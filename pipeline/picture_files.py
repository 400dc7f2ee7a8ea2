"""The files of an event's pictures: where they go, whether they are there, and the note that says why one is not."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.best_picture import Made
from pipeline.integrity.release import original_of, write_original
from pipeline.integrity.sealing import SUFFIX
from pipeline.integrity.witness import Witness
from pipeline.messages import Event
from pipeline.whole_file import part_of, write_whole


def picture_of(event: Event) -> str | None:
    """Path of the picture that a message names: the snapshot of a start, or the best one; None: it names none."""
    return event.evidence.get("snapshot") or event.evidence.get("best")


class PictureFiles:
    """Pictures in the result folder. Events that are handed to it name one."""

    def __init__(self, out: Path, recipients: Sequence[bytes]) -> None:
        """``recipients``: public keys for which originals are sealed; empty: they are not."""
        self._out = out
        self._recipients = recipients
        self.witness: Witness | None = None
        """Knows what was deleted as its owner wished; None where nobody takes note."""
        self.written = self.missing = 0
        """Pictures of this process, and notes that there is none."""

    def write(self, event: Event, made: Made) -> None:
        """The picture last: where it is, the rest is."""
        name = _name(event)
        if "crop" in event.evidence:  # of a process that was killed while it gave up
            (self._out / event.evidence["crop"]).with_suffix(".missing").unlink(missing_ok=True)
        if made.original is not None:
            write_original(self._out, name, made.original, self._recipients)
        if made.crop is not None:
            write_whole(self._out / event.evidence["crop"], [made.crop])
        write_whole(self._out / name, [made.picture])
        self.written += 1

    def give_up(self, event: Event, reason: str) -> None:
        """Note why there is none, when nothing is left of what a killed process made of it."""
        self._remove(event)
        note = f"evidence_missing: {reason}\n".encode()
        if "crop" in event.evidence:
            write_whole((self._out / event.evidence["crop"]).with_suffix(".missing"), [note])
        write_whole(self._note(event), [note])
        self.missing += 1

    def is_settled(self, event: Event) -> bool:
        """Whether the picture is there, or will never be."""
        name = _name(event)
        if self.witness is not None and name in self.witness.chain.gone:
            return True  # it was deleted as its owner wished
        return (self._out / name).exists() or self._note(event).exists()

    def _remove(self, event: Event) -> None:
        name = _name(event)
        original = original_of(name)
        part_of(self._out / name).unlink(missing_ok=True)
        for each in filter(None, (event.evidence.get("crop"), original, original + SUFFIX)):
            path = self._out / each
            path.unlink(missing_ok=True)
            part_of(path).unlink(missing_ok=True)

    def _note(self, event: Event) -> Path:
        return (self._out / _name(event)).with_suffix(".missing")


def _name(event: Event) -> str:
    name = picture_of(event)
    if name is None:
        raise ValueError(f"event {event.message_id} names no picture")
    return name
