"""The ultralytics detector: pictures of any size in, boxes in their pixels out, on any of the engines."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.detections import Detections
from pipeline.errors import CannotStart
from pipeline.stage import View
from stages.detect.allowed_classes import allowed_classes
from stages.detect.drawing import Drawing
from stages.detect.engine import Engine
from stages.detect.letterbox import Letterbox
from stages.detect.options import YoloOptions
from stages.detect.postprocess import Picker
from stages.detect.resolve import resolve


@dataclass(frozen=True, slots=True)
class _Flight:
    number: int
    letterboxes: list[Letterbox]


class YoloDetector:
    """Fulfils ``Detector`` and ``AsyncDetector``.

    ``options`` with ``auto`` in them are resolved for this machine; a run with several workers resolves them once
    (``YoloDetector.resolve``) and gives all workers the same. Raises ``CannotStart`` if the model cannot be used.
    """

    Options = YoloOptions
    resolve = staticmethod(resolve)

    def __init__(self, options: YoloOptions) -> None:
        options = resolve(options)
        if not options.model.exists():
            raise CannotStart(f"weights {options.model} not found; nothing is downloaded by itself, give a path")
        assert isinstance(options.threads, int)
        self._engine = _load(options)
        self._drawing = Drawing(threads=options.threads, batch=self._engine.batch)
        card = self._engine.card
        allowed = allowed_classes(options.classes, card)
        self._options = options
        suppresses = card.suppresses and not self._engine.suppressed
        self._picker = Picker(options.confidence, options.iou, options.max_detections, allowed, suppresses)
        self._letterboxes: dict[tuple[int, int], Letterbox] = {}
        self._free = deque(range(self._engine.flights))
        self._flying: deque[_Flight] = deque()
        self._next_ticket = self._oldest_ticket = 0
        self.engine = _fingerprint(options, self._engine)
        self.model = {"name": card.name, "sha256": card.sha256}
        self.names = list(card.names)
        self.capacity = self._engine.batch * self._engine.flights
        self.batch_wait_ns = int(options.batch_wait_ms * 1e6) if self._engine.batch > 1 else 0
        """How long the machine may wait to fill a batch."""

    def process(self, batch: Sequence[View]) -> list[Detections]:
        """One ``Detections`` for each frame, in order, in pixels of that frame. None may be in flight."""
        if self._flying:
            raise RuntimeError("process was called with frames in flight; collect them first")
        done: list[Detections] = []
        try:
            for letterboxes, views in self._same_canvas(batch):
                if not self._free:
                    done += self._land()
                self._launch(letterboxes, views)
            while self._flying:
                done += self._land()
        finally:
            self._abandon()
        return done

    @property
    def in_flight(self) -> int:
        """Frames submitted and not yet collected."""
        return len(self._flying)

    @property
    def room(self) -> int:
        """Frames that can be submitted now."""
        return len(self._free)

    def submit(self, view: View) -> int:
        """Start on a frame; its pixels are read before this returns. Raises ``RuntimeError`` if there is no room."""
        if not self._free:
            raise RuntimeError(f"{self.in_flight} frames are in flight, and no more can be; collect one first")
        self._launch([self._letterbox(view)], [view])
        self._next_ticket += 1
        return self._next_ticket - 1

    def collect(self) -> tuple[int, Detections]:
        """Ticket and boxes of the frame submitted first; waits for it. Raises ``RuntimeError`` if there is none."""
        if not self._flying:
            raise RuntimeError("no frame is in flight")
        (detections,) = self._land()
        self._oldest_ticket += 1
        return self._oldest_ticket - 1, detections

    def _same_canvas(self, batch: Sequence[View]) -> Iterator[tuple[list[Letterbox], list[View]]]:
        """Neighbours whose canvases have one size, at most as many as fly together."""
        letterboxes: list[Letterbox] = []
        views: list[View] = []
        for view in batch:
            letterbox = self._letterbox(view)
            if views and (letterboxes[0].canvas != letterbox.canvas or len(views) == self._engine.batch):
                yield letterboxes, views
                letterboxes, views = [], []
            letterboxes.append(letterbox)
            views.append(view)
        if views:
            yield letterboxes, views

    def _letterbox(self, view: View) -> Letterbox:
        height, width = view.pixels.shape[:2]
        source = (height, width)
        if source not in self._letterboxes:
            card = self._engine.card
            self._letterboxes[source] = (
                Letterbox.fit(source, imgsz=self._options.imgsz, stride=card.stride)
                if card.canvas is None
                else Letterbox.into(source, card.canvas)
            )
        return self._letterboxes[source]

    def _launch(self, letterboxes: list[Letterbox], views: list[View]) -> None:
        number = self._free[0]
        canvas = self._engine.canvas(number, letterboxes[0].canvas)
        self._drawing.draw(canvas, letterboxes, [view.pixels for view in views])
        self._engine.start(number, len(views))
        self._flying.append(_Flight(self._free.popleft(), letterboxes))

    def _land(self) -> list[Detections]:
        flight = self._flying.popleft()
        self._free.append(flight.number)
        found = self._picker.pick(self._engine.finish(flight.number), flight.letterboxes)
        return self._embedded(flight, found) if self._options.embedding else found

    def _embedded(self, flight: _Flight, found: list[Detections]) -> list[Detections]:
        pairs = list(zip(flight.letterboxes, found, strict=True))
        vectors = self._engine.embed(flight.number, [letterbox.project(own.xyxy) for letterbox, own in pairs])
        halves = [each.astype(np.float16) for each in vectors]
        return [replace(own, embedding=seen) for own, seen in zip(found, halves, strict=True)]

    def _abandon(self) -> None:
        """After an error: wait for what still flies and forget it, so that the next call starts clean."""
        while self._flying:
            flight = self._flying.popleft()
            self._free.append(flight.number)
            self._engine.finish(flight.number)


def _load(options: YoloOptions) -> Engine:
    match options.runtime:
        case "openvino":
            from stages.detect.openvino_engine import OpenVinoEngine

            return OpenVinoEngine(options)
        case "onnxruntime":
            from stages.detect.onnxruntime_engine import OnnxRuntimeEngine

            return OnnxRuntimeEngine(options)
        case _:
            from stages.detect.torch_engine import TorchEngine

            return TorchEngine(options)


def _fingerprint(options: YoloOptions, engine: Engine) -> str:
    """Everything that decides which boxes a frame gives, and nothing else."""
    suppression = f"nms greedy iou {options.iou:g}" if engine.card.suppresses else "nms none"
    classes = ",".join(map(str, options.classes)) or "all"
    parts = (
        engine.runtime,
        f"{options.device} {options.precision}",
        f"sha256 {engine.card.sha256}",
        f"head {options.head}",
        f"imgsz {options.imgsz}",
        f"conf {options.confidence:g}",
        suppression,
        f"max {options.max_detections}",
        f"classes {classes}",
        *(["embedding"] if options.embedding else []),
    )
    return "; ".join(parts)
