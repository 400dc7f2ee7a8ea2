"""1080p frames from one process to one and to three others: Bartizan's ring against pyzmq and imagezmq.

    python benchmarks/transport_1080p.py [FRAMES] [ROUNDS]

Every consumer gets every frame, in order, and checks a mark in it; nothing may be dropped. Each way takes turns in
each round, and the best round of each counts, so that ratios are of one run on one machine.

ring       the producer copies the picture into a slot (a decoder that writes in place saves that), sends a ``Work``
           over ipc, and reuses the slot when all have sent ``Passed``; the consumer views the pixels and checks
in place   the same without the copy, as when the decoder writes into the slot: only the mark is written
pyzmq      one PUSH over ipc for each consumer, copy=False, high-water mark 4
imagezmq   one REQ/REP pair over tcp loopback for each consumer, its default; left out where not installed
"""

import multiprocessing
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.messages import EvidenceHello, Frame, Passed, Work
from pipeline.rings import RingReader, RingWriter, claim
from pipeline.stage import Picture
from pipeline.wire.transport import Dealer, Router

SHAPE = (1080, 1920, 3)
SLOTS = 8
HIGH_WATER = 4
TIMEOUT_MS = 60_000
PORT = 23_455

Report = tuple[float, float]
"""Seconds from first to last frame, and CPU seconds spent."""


class Watch:
    """Times a consumer from its first frame to its last."""

    def __init__(self) -> None:
        self._began = self._cpu = 0.0

    def check(self, index: int, pixels: Picture) -> None:
        if index == 0:
            self._began, self._cpu = time.perf_counter(), time.process_time()
        if int(pixels[540, 960, 0]) != index % 251:
            raise AssertionError(f"frame {index} has the mark {pixels[540, 960, 0]}")

    def report(self) -> Report:
        return time.perf_counter() - self._began, time.process_time() - self._cpu


def sources() -> list[Picture]:
    """Pictures in turn, as a decoder has them: more than fit into the caches."""
    random = np.random.default_rng(1)
    return [random.integers(0, 255, SHAPE, np.uint8) for _ in range(2 * SLOTS)]


# ---- ring


def consume_ring(endpoint: str, frames: int, number: int, done: Connection) -> None:
    watch, reader = Watch(), RingReader()
    with Dealer(endpoint) as dealer:
        seen = 0
        while not dealer.send(EvidenceHello(str(number))):
            dealer.socket.poll(10)
        while seen < frames:
            if not dealer.socket.poll(TIMEOUT_MS):
                raise TimeoutError("no frame came")
            for message in dealer.receive(100):
                assert isinstance(message, Work)
                watch.check(message.frame.index, reader.view(message.slot).pixels)
                reader.check(message.slot)
                dealer.send(Passed("gate", message.frame.index))
                seen += 1
        done.send(watch.report())
        done.recv()


class RingProducer:
    """Hands every frame to every consumer, and reuses a slot when all have passed it."""

    def __init__(self, router: Router, ring: RingWriter, consumers: int, *, copy: bool) -> None:
        self._router, self._ring, self._consumers, self._copy = router, ring, consumers, copy
        self._pictures = sources()
        self._peers: list[bytes] = []
        self._free = list(range(ring.slots))
        self._used: dict[int, int] = {}
        self._waiting: Counter[int] = Counter()

    def run(self, frames: int) -> None:
        index = 0
        while index < frames or self._waiting:
            ready = index < frames and bool(self._free) and len(self._peers) == self._consumers
            self._router.socket.poll(0 if ready else TIMEOUT_MS)
            self._listen()
            if ready:
                self._offer(index)
                index += 1

    def _listen(self) -> None:
        for peer, message in self._router.receive(100):
            if isinstance(message, Passed):
                self._waiting[message.index] -= 1
                if not self._waiting[message.index]:
                    del self._waiting[message.index]
                    self._free.append(self._used.pop(message.index))
            else:
                self._peers.append(peer)

    def _offer(self, index: int) -> None:
        number = self._used[index] = self._free.pop(0)
        self._ring.begin(number)
        canvas = self._ring.canvas(number)
        if self._copy:
            canvas[:] = self._pictures[index % len(self._pictures)]
        canvas[540, 960, 0] = index % 251
        work = Work("", Frame("gate", 0, index, index), self._ring.commit(number))
        self._waiting[index] = self._consumers
        for peer in self._peers:
            if not self._router.send(peer, work):
                raise RuntimeError("a consumer is gone")


def produce_ring(endpoint: str, frames: int, consumers: int, *, copy: bool) -> None:
    folder = claim(Path("/dev/shm"))
    ring = RingWriter.create(folder, name="gate", slots=SLOTS, shape=SHAPE)
    try:
        for number in range(SLOTS):
            ring.canvas(number)[:] = 0
        with Router([endpoint]) as router:
            RingProducer(router, ring, consumers, copy=copy).run(frames)
    finally:
        ring.close()
        shutil.rmtree(folder)


# ---- pyzmq


def consume_pyzmq(endpoint: str, frames: int, number: int, done: Connection) -> None:
    import zmq

    watch = Watch()
    with zmq.Context() as context, context.socket(zmq.PULL) as socket:
        socket.set(zmq.RCVHWM, HIGH_WATER)
        socket.connect(f"{endpoint}{number}")
        for index in range(frames):
            if not socket.poll(TIMEOUT_MS):
                raise TimeoutError("no frame came")
            _, body = socket.recv_multipart(copy=False)
            watch.check(index, np.frombuffer(body.buffer, np.uint8).reshape(SHAPE))
        done.send(watch.report())
        done.recv()


def produce_pyzmq(endpoint: str, frames: int, consumers: int) -> None:
    import zmq

    pictures = sources()
    with zmq.Context() as context:
        sockets = [context.socket(zmq.PUSH) for _ in range(consumers)]
        for number, socket in enumerate(sockets):
            socket.set(zmq.SNDHWM, HIGH_WATER)
            socket.set(zmq.SNDTIMEO, TIMEOUT_MS)
            socket.bind(f"{endpoint}{number}")
        for index in range(frames):
            picture = pictures[index % len(pictures)]
            picture[540, 960, 0] = index % 251
            for socket in sockets:
                socket.send_multipart([b"header", picture.data], copy=False)
        for socket in sockets:
            socket.close(linger=TIMEOUT_MS)


# ---- imagezmq


def consume_imagezmq(endpoint: str, frames: int, number: int, done: Connection) -> None:
    imagezmq = import_module("imagezmq")

    watch = Watch()
    with imagezmq.ImageHub(open_port=f"tcp://127.0.0.1:{PORT + number}") as hub:
        for index in range(frames):
            _, pixels = hub.recv_image()
            watch.check(index, pixels)
            hub.send_reply(b"OK")
        done.send(watch.report())
        done.recv()


def produce_imagezmq(endpoint: str, frames: int, consumers: int) -> None:
    imagezmq = import_module("imagezmq")

    pictures = sources()
    senders = [imagezmq.ImageSender(connect_to=f"tcp://127.0.0.1:{PORT + number}") for number in range(consumers)]
    for index in range(frames):
        picture = pictures[index % len(pictures)]
        picture[540, 960, 0] = index % 251
        for sender in senders:
            sender.send_image("gate", picture)
    for sender in senders:
        sender.close()


# ---- the contest


def produce_ring_copying(endpoint: str, frames: int, consumers: int) -> None:
    produce_ring(endpoint, frames, consumers, copy=True)


def produce_ring_in_place(endpoint: str, frames: int, consumers: int) -> None:
    produce_ring(endpoint, frames, consumers, copy=False)


WAYS: dict[str, tuple[Callable[..., None], Callable[..., None]]] = {
    "ring": (produce_ring_copying, consume_ring),
    "in place": (produce_ring_in_place, consume_ring),
    "pyzmq": (produce_pyzmq, consume_pyzmq),
    "imagezmq": (produce_imagezmq, consume_imagezmq),
}


def measure(way: str, frames: int, consumers: int) -> tuple[float, float]:
    """Frames per second at the slowest consumer, and a consumer's CPU milliseconds a frame."""
    produce, consume = WAYS[way]
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="bz-") as folder:
        endpoint = f"ipc://{folder}/frames"
        lines, processes = [], []
        for number in range(consumers):
            ours, theirs = spawn.Pipe()
            lines.append(ours)
            processes.append(spawn.Process(target=consume, args=(endpoint, frames, number, theirs), daemon=True))
        processes.append(spawn.Process(target=produce, args=(endpoint, frames, consumers), daemon=True))
        for process in processes:
            process.start()
        reports: list[Report] = [_received(line) for line in lines]
        for line in lines:
            line.send("over")
        for process in processes:
            process.join(30)
    return (frames - 1) / max(wall for wall, _ in reports), max(cpu for _, cpu in reports) / frames * 1000


def _received(line: Any) -> Report:
    if not line.poll(TIMEOUT_MS / 1000):
        raise TimeoutError("a consumer did not finish")
    report: Report = line.recv()
    return report


def main(frames: int = 300, rounds: int = 3) -> None:
    ways = [way for way in WAYS if way != "imagezmq" or find_spec("imagezmq")]
    for consumers in (1, 3):
        results: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way in ways:
                results[way].append(measure(way, frames, consumers))
        print(f"\n{consumers} consumer(s), {frames} frames of 1080p, best of {rounds}")
        best = {way: max(rate for rate, _ in found) for way, found in results.items()}
        for way, found in results.items():
            cpu = min(cost for _, cost in found)
            print(f"  {way:<9} {best[way]:8.0f} frames/s   consumer {cpu:6.3f} ms CPU a frame")
        for other in ways[2:]:
            ratio, in_place = best["ring"] / best[other], best["in place"] / best[other]
            print(f"  ring is {ratio:.1f}x {other}; decoded in place {in_place:.1f}x")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3]))
