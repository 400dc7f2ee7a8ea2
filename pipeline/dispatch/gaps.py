"""Frames that nobody will tell of any more."""

from collections.abc import Iterator

import msgspec

from pipeline.dispatch.camera_book import CameraBook
from pipeline.messages import Frame


def frames_in_gaps(book: CameraBook) -> Iterator[Frame]:
    """What a capture that is gone announced before other frames, and what never arrived, of a live camera.

    Of their headers only the index is known. Media time is spread evenly between the frames around them; there is room,
    for it rose with each of them.
    """
    before, media_ns = book.next_index - 1, book.last_media_ns
    for index in sorted(book.pending):
        after = book.pending[index].frame
        missing = index - before - 1
        for number in range(1, missing + 1):
            time_ns = media_ns + (after.media_ns - media_ns) * number // (missing + 1)
            wall_ns = after.wall_ns and after.wall_ns - (after.media_ns - time_ns)
            yield msgspec.structs.replace(
                after, index=before + number, media_ns=time_ns, wall_ns=wall_ns, key_frame=False, features=b""
            )
        before, media_ns = index, after.media_ns
