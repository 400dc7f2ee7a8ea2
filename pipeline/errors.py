"""Every error that Bartizan raises on purpose.

::

    BartizanError
    ├── UsageError          what the user asked for cannot be done: configuration, arguments (exit code 2)
    ├── CannotStart         this process can never work as configured: do not restart it (exit code 3)
    ├── MessageError        a message from a peer was refused: truncated, oversized, foreign, wrong schema
    ├── RingError           a pixel slot cannot be made or read
    │   └── StaleSlot       the slot holds another frame by now
    ├── LogError            a camera's log is damaged or belongs to something else
    ├── SourceError         a camera, stream or file cannot be opened or read
    │   ├── SourceEnded     a recording is over (not a failure)
    │   ├── SourceStalled   nothing arrived in time
    │   └── SourceRefused   it says no: credentials, missing file, unknown format. Trying again is no use soon
    ├── StoreError          the event store cannot be read or written
    │   └── DamagedEvent    a message in it was altered and is none any more; the others are there
    └── DeliveryError       a receiver did not acknowledge a message; it is worth trying again
        └── DeliveryRefused it refused the message for good: do not send it again

A message says what failed, which one, and what would be allowed; its cause hangs on ``__cause__``.
"""


class BartizanError(Exception):
    """Root of the tree: whoever catches this catches everything Bartizan raises on purpose."""


class UsageError(BartizanError):
    """The configuration or the arguments are wrong. Holds one line for each fault."""


class CannotStart(BartizanError):
    """This process cannot work as configured; a restart would fail the same way."""


class MessageError(BartizanError):
    """A message was refused. The peer is at fault, the receiver goes on."""


class RingError(BartizanError):
    """A ring of pixel slots cannot be created or read."""


class StaleSlot(RingError):
    """The slot no longer holds the frame that the reference names."""


class LogError(BartizanError):
    """A camera's log is damaged before its tail, or belongs to another camera or schema."""


class SourceError(BartizanError):
    """A source of frames failed. It is worth trying again."""


class SourceEnded(SourceError):
    """A recording has no further frame."""


class SourceStalled(SourceError):
    """A source gave nothing within its read or open timeout."""


class SourceRefused(SourceError):
    """A source said no, and will say so again: wrong password, missing file, unknown format."""


class StoreError(BartizanError):
    """The event store cannot be read or written."""


class DamagedEvent(StoreError):
    """A stored message cannot be read: somebody altered it, or the disk did."""


class DeliveryError(BartizanError):
    """A receiver did not acknowledge a message in time. ``retry_after_s`` is the wait it asked for, if it did."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DeliveryRefused(DeliveryError):
    """A receiver refused a message and would refuse it again: it is a dead letter."""
