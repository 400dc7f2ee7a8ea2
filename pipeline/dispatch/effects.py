"""What the dispatcher wants done."""

from dataclasses import dataclass, field

import msgspec

from pipeline.messages import Record, Wire


class Send(msgspec.Struct, frozen=True):
    """Hand this message to this peer."""

    peer: bytes
    message: Wire


class Append(msgspec.Struct, frozen=True):
    """Write this record to the camera's log: the commit."""

    camera: str
    record: Record


class Overdue(msgspec.Struct, frozen=True):
    """This worker has had a lease for too long: whoever owns processes should look after it."""

    worker: str


Effect = Send | Append | Overdue


@dataclass(slots=True)
class Effects:
    """What one call leads to, in order, while it gathers; and how much led to nothing."""

    refused: dict[str, int] = field(default_factory=dict)
    """Messages not accepted, by reason."""
    _gathered: list[Effect] = field(default_factory=list)

    def send(self, peer: bytes, message: Wire) -> None:
        """Have a message handed over."""
        self._gathered.append(Send(peer, message))

    def append(self, camera: str, record: Record) -> None:
        """Have a record written."""
        self._gathered.append(Append(camera, record))

    def report(self, worker: str) -> None:
        """Have somebody look after an overdue worker."""
        self._gathered.append(Overdue(worker))

    def refuse(self, reason: str) -> None:
        """Count a message that was not accepted."""
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def flush(self) -> list[Effect]:
        """All that has gathered since the last time."""
        gathered, self._gathered = self._gathered, []
        return gathered
