"""Capture processes come, compare, end and are given up."""

from collections.abc import Mapping

import msgspec

from pipeline.dispatch.camera_book import CameraBook, Pending
from pipeline.dispatch.effects import Effects
from pipeline.dispatch.gaps import frames_in_gaps
from pipeline.dispatch.leases import Leases
from pipeline.dispatch.ledger import Ledger
from pipeline.messages import (
    CaptureHello,
    CaptureSync,
    EndOfStream,
    FrameRecord,
    Refused,
    Status,
    StreamRecord,
    StreamState,
    Synced,
    Welcome,
)


class Captures:
    """Tells capture where to go on; the two keep comparing what they know."""

    def __init__(
        self,
        epoch: str,
        cameras: Mapping[str, CameraBook],
        effects: Effects,
        ledger: Ledger,
        leases: Leases,
    ) -> None:
        self._epoch = epoch
        self._cameras = cameras
        self._effects = effects
        self._ledger = ledger
        self._leases = leases

    def hello(self, peer: bytes, hello: CaptureHello) -> None:
        """A capture process is there: it learns where to go on, or is refused."""
        book = self._cameras.get(hello.camera)
        if book is None:
            self._effects.send(peer, Refused(f"no camera {hello.camera[:100]!r} in this pipeline"))
            return
        if book.source_sha256 and hello.source_sha256 and book.source_sha256 != hello.source_sha256:
            reason = f"camera {hello.camera!r}: the recording is not the one its log was made from"
            self._effects.send(peer, Refused(reason))
            return
        if hello.incarnation != book.incarnation:
            self._drop_uncommitted(book)
            book.held.clear()
            book.incarnation = hello.incarnation
        book.peer = peer
        self._effects.send(peer, self._welcome(book))
        self._ledger.advance(book)

    def _welcome(self, book: CameraBook) -> Welcome:
        """Where to go on. A live camera's numbers and times go on after what is on its way; a recording is decoded
        again from its beginning up to the first frame that is not in the log."""
        ahead = [item.frame for item in book.pending.values()] if book.live else []
        return Welcome(
            camera=book.name,
            incarnation=book.incarnation,
            epoch=self._epoch,
            committed=book.next_index,
            next_index=max([book.next_index, *(frame.index + 1 for frame in ahead)]),
            next_session=max([book.next_session, *(frame.session + 1 for frame in ahead)]) if book.live else 0,
            last_media_ns=max([book.last_media_ns, *(frame.media_ns for frame in ahead)]),
            last_digest=book.last_digest,
            ended=book.ended and not book.live,
        )

    def sync(self, peer: bytes, sync: CaptureSync) -> None:
        """Say what capture believes and the books do not: frames that never came, slots that are free."""
        book = self._cameras.get(sync.camera)
        if book is None or book.incarnation != sync.incarnation:
            return  # it will say hello: the epoch in our silence is unknown to it
        book.peer = peer
        book.frames_read = max(book.frames_read, sync.frames_read)
        missing = [i for i in sync.announced if i >= book.next_index and i not in book.pending]
        free = [i for i in sync.held if i < book.next_index and i not in book.held]
        self._effects.send(
            peer, Synced(book.name, book.incarnation, self._epoch, book.next_index, missing, free, book.ended)
        )

    def end_of_stream(self, message: EndOfStream) -> None:
        """Nothing follows after what is under way."""
        book = self._cameras.get(message.camera)
        if book is not None and book.incarnation == message.incarnation and not book.ended:
            last = max([message.last_index, *book.pending])
            book.end = msgspec.structs.replace(message, last_index=last)
            self._ledger.advance(book)

    def stream_state(self, message: StreamState) -> None:
        """A live camera went offline or came back, after what is under way."""
        book = self._cameras.get(message.camera)
        if book is None or book.incarnation != message.incarnation:
            return
        book.online = message.online
        record = StreamRecord(message.online, message.media_ns, message.wall_ns, message.reason)
        book.marks.append((max(book.pending, default=book.next_index - 1) + 1, record))
        self._ledger.advance(book)

    def give_up(self, camera: str, reason: str) -> None:
        """A camera will never come back in this run: commit what can be, then end its log."""
        book = self._cameras[camera]
        if book.ended:
            return
        self._drop_uncommitted(book)
        for item in list(book.pending.values()):
            if item.record is None:  # live, in a worker's hands
                self._leases.close(item)
                self._ledger.resolve(book, item, Status.CAPTURE_LOST)
        self._ledger.advance(book)
        book.pending.clear()
        book.frames_read = book.next_index  # what was read beyond the log died with its process, uncounted
        book.end = EndOfStream(camera, book.incarnation, book.next_index - 1, f"failed: {reason}")
        self._ledger.advance(book)

    def _drop_uncommitted(self, book: CameraBook) -> None:
        """The pixels of a dead capture are gone: a recording is decoded again, a live frame is lost."""
        for index, item in list(book.pending.items()):
            if item.record is not None or (book.live and item.lease is not None):
                item.slot = None
            elif book.live:
                self._ledger.resolve(book, item, Status.CAPTURE_LOST)
            else:
                self._leases.close(item)
                book.forget(index)
        if book.live:
            for frame in list(frames_in_gaps(book)):
                book.pending[frame.index] = Pending(frame, None, record=FrameRecord(frame, Status.CAPTURE_LOST))
        book.end = None
