"""What the reader of the logs, alert, and the dispatcher tell one another."""

import msgspec


class ReaderHello(msgspec.Struct, frozen=True, tag=True):
    """The alert process introduces itself; repeated, so that a new dispatcher knows it."""

    reader: str


class Wake(msgspec.Struct, frozen=True, tag=True):
    """The camera's log has grown to this many bytes, or (0) a journal of answers has."""

    camera: str
    length: int


class Passed(msgspec.Struct, frozen=True, tag=True):
    """The reader has committed everything up to this frame of the camera."""

    camera: str
    index: int
