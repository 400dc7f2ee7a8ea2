"""One camera's crops at a classifier: what is wished for is cut out of its frame, and the answers are written down."""

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable

from msgspec import structs

from pipeline.clock import SECOND, Clock
from pipeline.configuration.config import ClassifyConfig
from pipeline.errors import RingError, SourceError
from pipeline.journal.answers import AnswersReader, AnswersWriter
from pipeline.messages import SCHEMA, Answer, AnswersHeader, Slot, Wish, WishKey
from pipeline.replay import Replay
from pipeline.rings import RingReader
from pipeline.spec import RunSpec
from pipeline.stage import Capture, Classify, Look, Picture

logger = logging.getLogger(__name__)

BATCH = 8
REMEMBERED = 4096
"""Wishes of a camera that were settled last: should they be asked again, their answers need not be found again."""


class CropDesk:
    """One camera's wishes, and the journal of the answers to them."""

    def __init__(
        self,
        spec: RunSpec,
        item: ClassifyConfig,
        camera: str,
        stage: Classify,
        *,
        number: int,
        live: bool,
        capture: Callable[[], Capture],
        clock: Clock,
    ) -> None:
        """``number``: of the process, which has a journal of its own. ``capture``: opens the camera's recording.

        Raises ``LogError`` if a journal is another classifier's, or damaged.
        """
        self._live = live
        self._stage = stage
        self._clock = clock
        self._delay_ns = round(item.when.delay_s * SECOND)
        self._replay = Replay(capture)
        self.classifier = item.name
        self.queue: OrderedDict[WishKey, tuple[Wish, Slot]] = OrderedDict()
        """Wishes whose frame may still lie in its slot."""
        self.missing: dict[int, dict[WishKey, Wish]] = {}
        """Wishes whose frame must be decoded again, by frame."""
        self._parked: dict[tuple[int, int], list[Look]] = {}
        """Looks that need the pixels of an earlier frame, by its index and their track."""
        self._under_way: dict[WishKey, Wish] = {}
        """Looked at, and waiting for others of their window."""
        self._settled: OrderedDict[WishKey, None] = OrderedDict()
        self.done = self._synced = 0
        self.dropped: Counter[str] = Counter()
        self.ages_s: list[float] = []
        for path in spec.answers_paths(camera, item.name):
            self._remember(AnswersReader(path))
        model = {**stage.model, "engine": stage.engine}
        facts = (model, stage.names, stage.frames, stage.fps, stage.scene)
        header = AnswersHeader(SCHEMA, camera, item.name, spec.analysis_sha256, *facts)
        self._journal = AnswersWriter.open(spec.answers_path(camera, item.name, number), header)

    def take(self, wish: Wish, slot: Slot | None) -> bool:
        """Put a wish into the queue; False when it is settled already."""
        key = wish.key
        if key in self._settled:
            return False
        if key in self._under_way or key in self.missing.get(wish.index, {}):
            return True
        if slot is not None:
            self.queue[key] = wish, slot
        elif key not in self.queue:
            return self._put_off(wish)
        return True

    def _put_off(self, wish: Wish) -> bool:
        if self._live:
            self._drop(wish, "slot_gone")
            return False
        self.missing.setdefault(wish.index, {})[wish.key] = wish
        return True

    def answer_some(self, rings: RingReader) -> list[Wish]:
        """Answer some wishes from their slots; those that are settled now."""
        looks: list[Look] = []
        settled: list[Wish] = []
        while self.queue and len(looks) < BATCH:
            _, (wish, slot) = self.queue.popitem(last=False)
            if self._live and self._age_ns(wish) > self._delay_ns:
                self._drop(wish, "late")
                settled.append(wish)
                continue
            try:
                crop = cut(rings.view(slot).pixels, wish, self._stage.margin)
                rings.check(slot)
            except RingError:
                if not self._put_off(wish):
                    settled.append(wish)
                continue
            looks.append(Look(wish, crop))
        return settled + self._answer(self._ready(looks))

    def _ready(self, looks: list[Look]) -> list[Look]:
        """Those that can be answered. The others are parked until the frame before them is decoded again."""
        ready: list[Look] = []
        coming: set[tuple[int, int]] = set()
        for look in sorted(looks, key=lambda look: look.wish.index):
            wish = look.wish
            if not self._stage.lacks(wish) or (wish.before, wish.track_id) in coming:
                ready.append(look)
                coming.add((wish.index, wish.track_id))
                continue
            self._under_way[wish.key] = wish
            self._parked.setdefault((wish.before, wish.track_id), []).append(look)
            self.missing.setdefault(wish.before, {})
        return ready

    def decode_some(self) -> list[Wish]:
        """Decode a little, towards the frames that are missing; the wishes that are settled now."""
        try:
            found = self._replay.step(self.missing)
        except SourceError as error:
            given_up = [wish for wishes in self.missing.values() for wish in wishes.values()]
            given_up += [look.wish for looks in self._parked.values() for look in looks]
            self.missing.clear()
            self._parked.clear()
            for wish in given_up:
                self._under_way.pop(wish.key, None)
            return self._write([_no_answer(wish, f"not decoded again: {error}") for wish in given_up], given_up)
        if found is None:
            return []
        index, pixels = found
        margin = self._stage.margin
        wishes = self.missing.pop(index).values()
        settled = self._answer(self._ready([Look(wish, cut(pixels, wish, margin)) for wish in wishes]))
        for key in [key for key in self._parked if key[0] == index]:
            looks = self._parked.pop(key)
            for look in looks:
                earlier = structs.replace(look.wish, index=index, box_px=look.wish.before_px)
                self._stage.show(Look(earlier, cut(pixels, earlier, margin)))
            settled += self._answer(looks)
        return settled

    def sync(self) -> None:
        """Flush the journal to the disk, if it has grown."""
        if self._synced != self.done:
            self._journal.sync()
            self._synced = self.done

    def close(self) -> None:
        """Close the journal and the recording."""
        self._replay.close()
        self._journal.close()

    def _answer(self, looks: list[Look]) -> list[Wish]:
        """Ask the model; whatever crop it cannot bear is answered with the reason."""
        if not looks:
            return []
        for look in looks:
            self._under_way[look.wish.key] = look.wish
        try:
            answers = self._stage.process(looks)
        except Exception as error:
            if len(looks) > 1:
                return [wish for look in looks for wish in self._answer([look])]
            logger.warning("camera %s, frame %s: %s", looks[0].wish.camera, looks[0].wish.index, error)
            answers = [_no_answer(looks[0].wish, f"{type(error).__name__}: {error}"[:200])]
            self._stage.remember(answers[0])
        wishes = [self._under_way.pop(answer.key) for answer in answers]
        return self._write(answers, wishes)

    def _write(self, answers: list[Answer], wishes: list[Wish]) -> list[Wish]:
        self._journal.append(*answers)
        self.done += len(answers)
        for wish in wishes:
            self._note(wish.key)
            if wish.arrived_ns and 0 <= (age_ns := self._age_ns(wish)) < 600 * SECOND:
                self.ages_s.append(age_ns / SECOND)
        return wishes

    def _drop(self, wish: Wish, reason: str) -> None:
        self.dropped[reason] += 1
        self._note(wish.key)

    def _note(self, key: WishKey) -> None:
        self._settled[key] = None
        while len(self._settled) > REMEMBERED:
            self._settled.popitem(last=False)

    def _age_ns(self, wish: Wish) -> int:
        return self._clock.monotonic_ns() - wish.arrived_ns

    def _remember(self, reader: AnswersReader) -> None:
        try:
            for entry in reader.read():
                if isinstance(entry, Answer):
                    self._stage.remember(entry)
                    self._note(entry.key)
        finally:
            reader.close()


def cut(pixels: Picture, wish: Wish, margin: float) -> Picture:
    """The wished-for part of a picture, widened by a share of its size on each side, copied; the whole picture for
    track 0."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = wish.box_px
    wider, higher = margin * (right - left), margin * (bottom - top)
    x1, y1 = min(max(round(left - wider), 0), width - 1), min(max(round(top - higher), 0), height - 1)
    x2, y2 = max(x1 + 1, min(round(right + wider), width)), max(y1 + 1, min(round(bottom + higher), height))
    return pixels[y1:y2, x1:x2].copy()


def _no_answer(wish: Wish, reason: str) -> Answer:
    return Answer(wish.index, wish.track_id, wish.classifier, {}, reason)
