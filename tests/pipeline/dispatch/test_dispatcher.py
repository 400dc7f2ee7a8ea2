"""The dispatcher's rules, against a world in which anything dies, freezes, is late, doubled or lost."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dispatch.camera_book import CameraBook
from pipeline.dispatch.dispatcher import Dispatcher
from pipeline.dispatch.effects import Append, Effect, Send
from pipeline.dispatch.limits import Limits
from pipeline.messages import (
    CaptureHello,
    Cut,
    EndOfStream,
    EndRecord,
    EngineRecord,
    EvidenceHello,
    Frame,
    FrameRecord,
    Keep,
    Offer,
    Passed,
    ReaderHello,
    Refused,
    Release,
    Result,
    Slot,
    Status,
    Welcome,
    Work,
    WorkerHello,
)
from tests.pipeline.dispatch.world import SECOND, World

ACTIONS = (
    "capture",
    "capture",
    "capture",
    "sync",
    "deliver",
    "deliver",
    "deliver",
    "hear",
    "look",
    "finish",
    "finish",
    "greet",
    "read",
    "crop",
    "sync_wishes",
    "time",
    "tick",
    "lose",
    "lose_answer",
    "restart_dispatcher",
    "restart_capture",
    "kill_worker",
    "crash_worker",
    "restart_classifier",
)


def act(world: World, action: str, choice: int, *, faults: bool) -> None:
    """One step of the world."""
    cameras, workers = list(world.cameras), list(world.workers)
    camera, worker = cameras[choice % len(cameras)], workers[choice % len(workers)]
    match action:
        case "capture":
            world.capture_step(camera)
        case "sync":
            world.sync(camera)
        case "deliver":
            world.deliver()
        case "hear":
            world.hear()
        case "look":
            world.look(worker)
        case "finish":
            world.finish(worker)
        case "greet":
            world.greet()
        case "read":
            world.read()
        case "crop":
            world.crop()
        case "sync_wishes":
            world.sync_wishes()
        case "time":
            world.now += (choice % 40) * SECOND // 20
        case "tick":
            world.apply(world.dispatcher.tick(world.now))
        case _ if not faults:
            return
        case "lose":
            world.lose_one(choice)
        case "lose_answer":
            world.lose_one_answer(choice)
        case "restart_dispatcher":
            world.restart_dispatcher()
        case "restart_capture":
            world.restart_capture(camera)
        case "restart_classifier":
            world.restart_classifier()
        case "kill_worker":
            world.kill_worker(worker, by_itself=False)
        case "crash_worker" if not world.poison:
            held = world.dispatcher.workers.get(worker)
            world.kill_worker(worker, by_itself=held is not None and len(held.leases) > 1)


steps = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 99)), min_size=60, max_size=200)


@settings(max_examples=150, deadline=None)
@given(steps, st.frozensets(st.integers(0, 19)), st.integers(1, 3), st.integers(1, 4))
def test_recordings_lose_no_frame_and_no_order_whatever_happens(
    script: list[tuple[str, int]], static: frozenset[int], workers: int, slots: int
) -> None:
    world = World({"a": (False, 20, static), "b": (False, 7, frozenset())}, workers=workers, slots=slots)
    for action, choice in script:
        act(world, action, choice, faults=True)
    world.quiesce()
    world.check()


@settings(max_examples=60, deadline=None)
@given(steps, st.integers(1, 4))
def test_a_recordings_slot_is_not_reused_before_its_crop_was_cut(script: list[tuple[str, int]], slots: int) -> None:
    world = World({"a": (False, 20, frozenset())}, slots=slots)
    world.read()
    for action, choice in script:
        act(world, action, choice, faults=False)
    world.quiesce()
    world.check()
    assert world.stale_crops == 0


@settings(max_examples=60, deadline=None)
@given(steps, steps, st.frozensets(st.integers(0, 11)), st.integers(1, 3))
def test_two_runs_of_a_recording_give_the_same_log(
    one: list[tuple[str, int]], other: list[tuple[str, int]], static: frozenset[int], workers: int
) -> None:
    worlds = [World({"a": (False, 12, static)}, workers=n) for n in (workers, 1)]
    for world, script in zip(worlds, (one, other), strict=True):
        for action, choice in script:
            act(world, action, choice, faults=True)
        world.quiesce()
    assert worlds[0].normalised("a") == worlds[1].normalised("a")


@settings(max_examples=150, deadline=None)
@given(steps)
def test_every_frame_of_a_live_camera_is_accounted_for_once(script: list[tuple[str, int]]) -> None:
    world = World({"gate": (True, 30, frozenset({3, 4})), "clip": (False, 5, frozenset())})
    for action, choice in script:
        act(world, action, choice, faults=True)
    world.quiesce()
    world.check()


@settings(max_examples=60, deadline=None)
@given(steps, st.integers(0, 9))
def test_a_frame_that_kills_two_workers_is_poison_and_the_rest_goes_on(script: list[tuple[str, int]], bad: int) -> None:
    world = World({"a": (False, 10, frozenset())}, workers=2)
    world.poison = {("a", bad)}
    for action, choice in script:
        act(world, action, choice, faults=False)
    world.quiesce()
    world.check()


def test_a_live_camera_keeps_only_its_newest_offer() -> None:
    dispatcher = Dispatcher("e", {"a": CameraBook("a", live=True)}, Limits())
    welcome(dispatcher, "a")
    for index in range(3):
        offer(dispatcher, "a", index, now_ns=index)
    effects = dispatcher.receive(b"w", WorkerHello("w", "detect", "x", 1), 10)
    works = [e.message for e in effects if isinstance(e, Send) and isinstance(e.message, Work)]
    assert [work.frame.index for work in works] == [2]
    assert dispatcher.cameras["a"].counts == {Status.SUPERSEDED: 2}


def test_a_stale_live_frame_is_dropped_and_not_analysed() -> None:
    dispatcher = Dispatcher("e", {"a": CameraBook("a", live=True)}, Limits(staleness_ns=100))
    welcome(dispatcher, "a")
    offer(dispatcher, "a", 0, now_ns=0)
    dispatcher.receive(b"w", WorkerHello("w", "detect", "x", 1), 101)
    assert dispatcher.cameras["a"].counts == {Status.STALE: 1}


def test_a_worker_with_another_engine_is_refused() -> None:
    dispatcher = Dispatcher("e", {"a": CameraBook("a", live=False)}, Limits())
    dispatcher.receive(b"w", WorkerHello("w", "detect", "openvino f32", 1), 0)
    effects = dispatcher.receive(b"v", WorkerHello("v", "detect", "openvino bf16", 1), 0)
    assert [type(e.message) for e in effects if isinstance(e, Send)] == [Refused]


def test_a_recording_goes_on_only_with_the_engine_of_its_log() -> None:
    book = CameraBook("a", live=False, engine=EngineRecord("openvino f32", {}, []))
    dispatcher = Dispatcher("e", {"a": book}, Limits())
    effects = dispatcher.receive(b"v", WorkerHello("v", "detect", "openvino bf16", 1), 0)
    assert isinstance(effects[0], Send)
    assert isinstance(effects[0].message, Refused)
    assert "openvino f32" in effects[0].message.reason


def test_a_late_result_is_refused_and_counted() -> None:
    dispatcher, lease = dispatcher_with_lease(live=False)
    dispatcher.worker_died("w", by_itself=False)
    dispatcher.receive(b"w", Result("w", lease, b"", 1), 2)
    assert dispatcher.refused == {"late result": 1}
    assert dispatcher.cameras["a"].next_index == 0


def test_a_doubled_result_is_accepted_once() -> None:
    dispatcher, lease = dispatcher_with_lease(live=False)
    first = dispatcher.receive(b"w", Result("w", lease, b"", 1), 2)
    second = dispatcher.receive(b"w", Result("w", lease, b"", 1), 3)
    assert sum(isinstance(e, Append) and isinstance(e.record, FrameRecord) for e in first + second) == 1
    assert dispatcher.refused == {"late result": 1}


def test_a_dead_workers_live_frame_is_logged_as_worker_lost() -> None:
    dispatcher, _ = dispatcher_with_lease(live=True)
    dispatcher.worker_died("w", by_itself=True)
    assert dispatcher.cameras["a"].counts == {Status.WORKER_LOST: 1}


def test_a_dead_workers_late_hello_does_not_bring_it_back() -> None:
    dispatcher, _ = dispatcher_with_lease(live=False)
    dispatcher.worker_died("w", by_itself=False)
    dispatcher.receive(b"w", WorkerHello("w", "detect", "x", 1), 2)
    assert dispatcher.workers == {}
    assert dispatcher.cameras["a"].pending[0].offered


def test_work_that_cannot_be_handed_over_waits_for_another_worker() -> None:
    dispatcher, _ = dispatcher_with_lease(live=False)
    dispatcher.undelivered(b"w")
    effects = dispatcher.receive(b"v", WorkerHello("v", "detect", "x", 1), 2)
    assert [e.message.frame.index for e in effects if isinstance(e, Send) and isinstance(e.message, Work)] == [0]


def test_a_worker_whose_engine_is_refused_does_not_pin_it() -> None:
    book = CameraBook("a", live=False, engine=EngineRecord("right", {}, []))
    dispatcher = Dispatcher("e", {"a": book}, Limits())
    dispatcher.receive(b"v", WorkerHello("v", "detect", "wrong", 1), 0)
    dispatcher.receive(b"w", WorkerHello("w", "detect", "right", 1), 0)
    assert list(dispatcher.workers) == ["w"]


def test_a_stream_that_is_stopped_ends_only_after_the_frames_under_way() -> None:
    dispatcher, lease = dispatcher_with_lease(live=True)
    ends = dispatcher.receive(b"a", EndOfStream("a", "i", -1, "stopped"), 1)
    assert not [e for e in ends if isinstance(e, Append)]
    done = dispatcher.receive(b"w", Result("w", lease, b"", 1), 2)
    assert isinstance([e.record for e in done if isinstance(e, Append)][-1], EndRecord)


def test_a_slot_is_released_only_after_the_reader_and_the_snapshot() -> None:
    dispatcher, lease = dispatcher_with_lease(live=True)
    dispatcher.receive(b"r", ReaderHello("r"), 1)
    dispatcher.receive(b"s", EvidenceHello("s"), 1)
    assert released(dispatcher.receive(b"w", Result("w", lease, b"", 1), 2)) == []
    cuts = dispatcher.receive(b"r", Keep("a", 0, "m"), 3)
    assert [e.message.slot is not None for e in cuts if isinstance(e, Send) and isinstance(e.message, Cut)] == [True]
    assert released(dispatcher.receive(b"r", Passed("a", 0), 4)) == []
    from pipeline.messages import CutDone

    assert released(dispatcher.receive(b"s", CutDone("a", 0, "m"), 5)) == [0]


def test_a_second_welcome_does_not_take_what_got_lost_for_committed() -> None:
    dispatcher = Dispatcher("e", {"a": CameraBook("a", live=True)}, Limits())
    welcome(dispatcher, "a")
    offer(dispatcher, "a", 5, now_ns=0)  # 0 to 4 got lost on the way
    again = welcome(dispatcher, "a")
    assert again.committed == 0
    assert again.next_index == 6


def test_what_got_lost_of_a_live_capture_that_died_before_it_could_say_it_again_does_not_stop_its_camera() -> None:
    dispatcher = Dispatcher("e", {"a": CameraBook("a", live=True)}, Limits())
    welcome(dispatcher, "a")
    offer(dispatcher, "a", 3, now_ns=0)  # 0 to 2 got lost on the way
    effects = dispatcher.receive(b"b", CaptureHello("a", "another", True), 0)
    records = [e.record for e in effects if isinstance(e, Append)]
    assert [r.frame.index for r in records if isinstance(r, FrameRecord)] == [0, 1, 2, 3]
    assert dispatcher.cameras["a"].counts == {Status.CAPTURE_LOST: 4}
    media = [r.frame.media_ns for r in records if isinstance(r, FrameRecord)]
    assert media == sorted(set(media))


def test_an_overdue_lease_is_reported_once_and_then_taken_back() -> None:
    dispatcher, _ = dispatcher_with_lease(live=False, limits=Limits(lease_ns=100))
    assert len(dispatcher.tick(101)) == 1
    assert dispatcher.tick(150) == []
    dispatcher.tick(201)
    assert dispatcher.cameras["a"].pending[0].offered


def test_a_camera_that_is_given_up_ends_with_the_reason() -> None:
    dispatcher, _ = dispatcher_with_lease(live=False)
    effects = dispatcher.give_up("a", "decoder aborts")
    ends = [e.record for e in effects if isinstance(e, Append) and isinstance(e.record, EndRecord)]
    assert [end.reason for end in ends] == ["failed: decoder aborts"]
    assert dispatcher.complete()


def test_a_result_for_a_camera_that_was_given_up_is_late_and_its_frame_is_accounted_for() -> None:
    dispatcher, lease = dispatcher_with_lease(live=True)
    dispatcher.give_up("a", "decoder aborts")
    dispatcher.receive(b"w", Result("w", lease, b"", 1), 2)
    book = dispatcher.cameras["a"]
    assert (book.counts, book.frames_read) == ({Status.CAPTURE_LOST: 1}, 1)
    assert dispatcher.refused == {"late result": 1}


def welcome(dispatcher: Dispatcher, camera: str) -> Welcome:
    effects = dispatcher.receive(camera.encode(), CaptureHello(camera, "i", True), 0)
    messages = [e.message for e in effects if isinstance(e, Send) and isinstance(e.message, Welcome)]
    return messages[0]


def offer(dispatcher: Dispatcher, camera: str, index: int, *, now_ns: int) -> None:
    frame = Frame(camera, 0, index, index * 10, arrived_ns=now_ns)
    dispatcher.receive(camera.encode(), Offer("i", frame, Slot("ring", index, 2, (1, 1, 3))), now_ns)


def dispatcher_with_lease(*, live: bool, limits: Limits | None = None) -> tuple[Dispatcher, str]:
    dispatcher = Dispatcher("e", {"a": CameraBook("a", live=live)}, limits or Limits())
    welcome(dispatcher, "a")
    dispatcher.receive(b"w", WorkerHello("w", "detect", "x", 1), 0)
    offer(dispatcher, "a", 0, now_ns=0)
    return dispatcher, next(iter(dispatcher.workers["w"].leases))


def released(effects: list[Effect]) -> list[int]:
    return [i for e in effects if isinstance(e, Send) and isinstance(e.message, Release) for i in e.message.indexes]
