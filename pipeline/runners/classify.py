"""A classify process: cuts what is wished for out of slots, asks its model, and writes the answers into its journals.

It is a side branch: nothing waits for it but the answers themselves. Usually the frame still lies in its slot. If not,
a recording is decoded again, which gives the same crop; a live camera's wish is dropped, with the reason counted.
"""

import logging
from collections.abc import Sequence
from functools import partial

from pipeline.configuration.config import PipelineConfig
from pipeline.control import Backlog, Metrics
from pipeline.crop_desk import CropDesk
from pipeline.errors import CannotStart, LogError
from pipeline.messages import Answered, ClassifyHello, Crop, Refused, Wish, WishKey
from pipeline.rings import RingReader
from pipeline.spec import RunSpec
from pipeline.stats import Stats
from pipeline.wire.keys import Role
from pipeline.wire.links import open_dealer
from pipeline.wire.transport import Dealer, Waiter
from pipeline.worker import Child, Every

logger = logging.getLogger(__name__)

HELLO_S = 0.25
TELL_S = 0.5
SYNC_S = 2.0
"""Between two flushes of the journals to the disk: an answer that a power cut takes is given again."""


def run(child: Child, spec: RunSpec) -> None:
    """Run until drained. The process's name is ``classifier/number``."""
    from pipeline.build import build_capture, build_classifier

    config = PipelineConfig.from_spec(spec.config)
    name, _, number = child.name.rpartition("/")
    item = next(item for item in config.classify if item.name == name)
    make = build_classifier(item)
    with open_dealer(config.links, spec.endpoint, Role.WORKER) as link:
        loop = ClassifyLoop(child, link)
        try:
            for camera in item.cameras:
                live = config.is_live(camera)
                loop.desks[camera] = CropDesk(
                    spec,
                    item,
                    camera,
                    make(live=live),
                    number=int(number),
                    live=live,
                    capture=partial(build_capture, config, camera, child.clock),
                    clock=child.clock,
                )
            loop.run()
        except LogError as error:
            raise CannotStart(str(error)) from error
        finally:
            loop.close()


class ClassifyLoop:
    """The process's work loop: one desk for each camera, the fullest first."""

    def __init__(self, child: Child, link: Dealer) -> None:
        self._child = child
        self._link = link
        self.desks: dict[str, CropDesk] = {}
        self._rings = RingReader()
        self._waiter = Waiter(link, child)
        self._hello_due = Every(HELLO_S, child.clock)
        self._tell_due = Every(TELL_S, child.clock)
        self._sync_due = Every(SYNC_S, child.clock)
        self._stats = Stats(f"classify[{child.name}]")

    def run(self) -> None:
        """Until drained: what is asked then, nobody needs any more."""
        self._child.started()
        while not self._child.draining:
            self._child.answer()
            if self._hello_due.due():
                self._link.send(ClassifyHello(self._child.name))
            if self._tell_due.due():
                self._tell()
            if self._sync_due.due():
                for desk in self.desks.values():
                    desk.sync()
            self._listen()
            if not self._work():
                self._waiter.wait(HELLO_S)
        self._tell()

    def close(self) -> None:
        """Close journals and unmap rings."""
        self._rings.close()
        for desk in self.desks.values():
            desk.close()

    def _listen(self) -> None:
        for message in self._link.receive(256):
            match message:
                case Crop(wish, slot):
                    desk = self.desks.get(wish.camera)
                    if desk is not None and not desk.take(wish, slot):
                        self._link.send(_answered(wish))
                case Refused(reason):
                    raise CannotStart(reason)
                case _:
                    logger.warning("classify does not expect %s", type(message).__name__)

    def _work(self) -> bool:
        desk = max(self.desks.values(), key=lambda desk: len(desk.queue), default=None)
        if desk is not None and desk.queue:
            self._send(desk.answer_some(self._rings))
            return True
        worked = False
        for desk in self.desks.values():
            if desk.missing:
                self._send(desk.decode_some())
                worked = True
        return worked

    def _send(self, settled: Sequence[WishKey | Wish]) -> None:
        for wish in settled:
            if isinstance(wish, Wish):
                self._link.send(_answered(wish))

    def _tell(self) -> None:
        for camera, desk in self.desks.items():
            labels = {"classifier": desk.classifier, "camera": camera}
            self._stats.count_to("bartizan_answers_total", desk.done, **labels)
            for reason, amount in desk.dropped.items():
                self._stats.count_to("bartizan_crops_dropped_total", amount, reason=reason, **labels)
            for age_s in desk.ages_s:
                self._stats.observe("bartizan_latency_seconds", age_s, stage="classify", camera=camera)
            desk.ages_s.clear()
        waiting = sum(len(desk.queue) + len(desk.missing) for desk in self.desks.values())
        done = sum(desk.done for desk in self.desks.values())
        failed = sum(sum(desk.dropped.values()) for desk in self.desks.values())
        self._child.tell(Backlog(waiting, done, failed))
        self._child.tell(Metrics(self._stats.snapshot()))


def _answered(wish: Wish) -> Answered:
    return Answered(wish.camera, wish.index, wish.track_id, wish.classifier)
