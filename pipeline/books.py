"""The books of a run: what came of every frame at every stage, from counts that were kept apart from one another.

Capture says how many frames it has read, dispatch how many it has committed and why others were not analysed, alert
how many of them it has taken in. Each counted for itself, so a frame that got lost on the way shows.
"""

from pipeline.control import CameraConsumed, CameraProgress
from pipeline.messages import Status as FrameStatus
from pipeline.report import Book
from pipeline.supervisor.status import Status

AT_CAPTURE = (FrameStatus.STATIC, FrameStatus.RATE_LIMITED, FrameStatus.CORRUPT, FrameStatus.NO_SLOT)
AT_DISPATCH = (FrameStatus.SUPERSEDED, FrameStatus.STALE, FrameStatus.CAPTURE_LOST)
AT_DETECT = (FrameStatus.WORKER_LOST, FrameStatus.POISON)


def books_of(status: Status) -> list[Book]:
    """All books of a run, camera by camera."""
    books: list[Book] = []
    for camera, progress in status.cameras.items():
        books += _camera(camera, progress, status.consumed.get(camera))
    return books


def _camera(camera: str, progress: CameraProgress, consumed: CameraConsumed | None) -> list[Book]:
    skipped, dropped, lost = (_counts(progress, which) for which in (AT_CAPTURE, AT_DISPATCH, AT_DETECT))
    analysed = progress.counts.get(FrameStatus.ANALYSED, 0)
    handed_on = analysed + sum(lost.values())
    offered = handed_on + sum(dropped.values()) + progress.pending_offers
    read = max(progress.frames_read, 0)
    taken = consumed.counts.get(FrameStatus.ANALYSED, 0) if consumed else 0
    waiting = progress.next_index - (consumed.frames if consumed else 0)
    frames = [
        Book(stage="capture", camera=camera, taken=read, given=offered, dropped=skipped,
             in_flight=progress.pending - progress.pending_offers),
        Book(stage="dispatch", camera=camera, taken=offered, given=handed_on, dropped=dropped,
             in_flight=progress.pending_offers),
        Book(stage="detect", camera=camera, taken=handed_on, given=analysed, dropped=lost),
        Book(stage="alert", camera=camera, taken=taken if not waiting else analysed, given=taken,
             in_flight=0 if not waiting else analysed - taken),
    ]  # fmt: skip
    return frames + _classified(camera, consumed)


def _classified(camera: str, consumed: CameraConsumed | None) -> list[Book]:
    """Crops, all classifiers together; in flight is what was wished for and neither came nor was missed."""
    counts = list(consumed.classified.values()) if consumed else []
    if not counts:
        return []
    wished, answered = (sum(each.get(what, 0) for each in counts) for what in ("wished", "answered"))
    reasons = sorted({reason for each in counts for reason in each} - {"wished", "answered"})
    missed = {reason: sum(each.get(reason, 0) for each in counts) for reason in reasons}
    in_flight = wished - answered - sum(missed.values())
    return [Book(stage="classify", camera=camera, taken=wished, given=answered, dropped=missed, in_flight=in_flight)]


def _counts(progress: CameraProgress, which: tuple[FrameStatus, ...]) -> dict[str, int]:
    return {status.value: progress.counts[status.value] for status in which if progress.counts.get(status.value)}
