"""The end of a recording: whether it was the end that its header promised."""

import logging

from pipeline.clock import SECOND
from pipeline.errors import SourceEnded
from pipeline.redaction import redact

logger = logging.getLogger(__name__)


def ended(source: str, decoded: int, promised: int | None, last_ns: int | None, rate: float) -> SourceEnded:
    """The end of a recording, logged if it came earlier than the header had promised.

    What counts is time, not the number of frames: a recorder that leaves out frames in which nothing changed still
    counts them in the header.
    """
    text = f"{redact(source)}: over after {decoded} frames"
    if promised is None or promised <= decoded or not 0 < rate <= 1000:
        return SourceEnded(text)
    text = f"{text} of the {promised} that its header promises"
    missing_s = promised / rate - ((last_ns or 0) / SECOND + 1 / rate)
    if last_ns is not None and missing_s <= max(2 / rate, 0.02 * promised / rate):
        logger.info("%s; it covers the promised time, with an uneven frame rate", text)
    else:
        logger.warning("%s: the last %.1f s are missing; it is damaged or cut off", text, missing_s)
    return SourceEnded(text)
