"""Names that come from content alone, so that the same recording always gives the same names.

``events.jsonl`` must come out byte for byte the same whatever the number of workers and whatever was killed on the
way; so an event is named by a hash of what it is about, never by a random number or a clock.
"""

from hashlib import sha256

import msgspec

_DIGITS = 32
"""128 bits: two of a billion names are equal with a chance of about 1e-21."""


def _digest(*parts: str | int) -> str:
    return sha256(msgspec.msgpack.encode(parts)).hexdigest()[:_DIGITS]


def event_id(
    *, analysis_sha256: str, origin: str, camera: str, rule: str, name: str, track_id: int, frame: int, occasion: int
) -> str:
    """The name of an event, from start to end.

    ``origin`` tells recordings and live runs apart (see ``origin``); ``frame`` is the index of the deciding frame of
    the start; ``occasion`` tells events of one rule about one track at one frame apart.
    """
    return _digest("event", analysis_sha256, origin, camera, rule, name, track_id, frame, occasion)


def message_id(*, event: str, kind: str, ordinal: int) -> str:
    """The name of one message of an event: its idempotency key and the name of its pictures."""
    return _digest("message", event, kind, ordinal)


def origin(*, source_sha256: str, wall_ns: int | None, arrived_ns: int) -> str:
    """What the frames of a log are: the content of a recording, or one run of a live camera.

    A recording is named by its fingerprint. A live log is named by its first frame: when it was taken (UTC) and when
    it arrived (this machine's monotonic clock). Both stand in the log, so a replay of the log gives the same names.
    """
    if source_sha256:
        return source_sha256
    return _digest("run", -1 if wall_ns is None else wall_ns, arrived_ns)
