"""Events as a user looks at them: a row each, filtered, in pages that leave nothing out, on every database."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import event

from pipeline.errors import StoreError
from pipeline.store.address import StoreAddress
from pipeline.store.catalogue import Catalogue, Order, Wanted
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from pipeline.wall import rfc3339
from tests.pipeline.store.history import DAY, NOON, make_history

COUNT = 42


@pytest.fixture(scope="module")
def stores() -> dict[str, StoreAddress]:
    return {}


@pytest.fixture(params=["sqlite", "postgresql"])
def catalogue(
    request: pytest.FixtureRequest, stores: dict[str, StoreAddress], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    if request.param not in stores:
        folder = tmp_path_factory.mktemp(request.param)
        place = StoreAddress.of(folder / "events.db")
        if request.param == "postgresql":
            place = StoreAddress.new(request.getfixturevalue("postgres").url, folder)
        make_history(place, COUNT)
        stores[request.param] = place
    with EventStore.open(stores[request.param], analysis_sha256=None) as store:
        yield store.catalogue


def numbers(catalogue: Catalogue, **filters: object) -> list[int]:
    return [int(alarm.event_id[-4:]) for alarm in catalogue.all(Wanted(**filters))]  # type: ignore[arg-type]


def test_start_and_end_are_one_row_whose_times_are_utc_and_aware(catalogue: Catalogue) -> None:
    first = catalogue.page(Wanted(), limit=1, order="oldest")[0]
    assert first.began == datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    assert first.over == datetime(2026, 11, 20, 12, 0, 10, tzinfo=UTC)
    assert (first.event_id, first.messages, first.ending, first.seconds) == ("event-0001", 2, "left", 10.0)
    assert (first.camera, first.rule, first.name, first.class_name) == ("yard", "loitering", "door", "car")


def test_an_event_that_is_not_over_has_no_end(catalogue: Catalogue) -> None:
    alarm = catalogue.find("event-0007")[0]
    assert (alarm.over, alarm.seconds, alarm.ending, alarm.messages) == (None, None, "", 1)


@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("size", [1, 5, 41, 42, 100])
def test_pages_by_key_hold_every_event_once_and_in_order(catalogue: Catalogue, order: str, size: int) -> None:
    seen: list[str] = []
    page = catalogue.page(Wanted(), limit=size, order=order)  # type: ignore[arg-type]
    while page:
        seen += [alarm.event_id for alarm in page]
        page = catalogue.page(Wanted(), limit=size, order=order, after=page[-1])  # type: ignore[arg-type]
    expected = [f"event-{number:04}" for number in range(1, COUNT + 1)]
    assert seen == (expected if order == "oldest" else expected[::-1])


def test_each_filter_leaves_what_fits_it(catalogue: Catalogue) -> None:
    every = range(1, COUNT + 1)
    assert numbers(catalogue, cameras=("gate",)) == [n for n in every if n % 2 == 0]
    assert numbers(catalogue, cameras=("gate", "yard")) == list(every)
    assert numbers(catalogue, rules=("loitering",)) == [n for n in every if n % 3 == 1]
    assert numbers(catalogue, rules=("door",)) == [n for n in every if n % 3 == 1]
    assert numbers(catalogue, rules=("door", "in_field")) == [n for n in every if n % 3 < 2]
    assert numbers(catalogue, zones=("door",)) == [n for n in every if n % 3 == 1]
    assert numbers(catalogue, zones=("road",)) == [], "a line is no zone"
    assert numbers(catalogue, severities=("critical", "low")) == [n for n in every if n % 4 in (0, 3)]
    assert numbers(catalogue, classes=("car",)) == [n for n in every if n % 2 == 1]
    assert numbers(catalogue, is_open=True) == [n for n in every if n % 7 == 0]
    assert numbers(catalogue, since_ns=NOON + 4 * DAY, until_ns=NOON + 9 * DAY) == [5, 6, 7, 8, 9]
    assert numbers(
        catalogue, cameras=("gate",), severities=("low",), since_ns=NOON + 10 * DAY, classes=("person",)
    ) == [n for n in every if n % 4 == 0 and n > 10]
    assert numbers(catalogue, cameras=("nowhere",)) == []


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_few_kinds_and_many_are_paged_through_alike(
    catalogue: Catalogue, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Wanted(cameras=("yard",), severities=("medium", "critical"), since_ns=NOON + 2 * DAY)
    for seeks in (50, 0):
        monkeypatch.setattr("pipeline.store.catalogue._SEEKS", seeks)
        seen: list[int] = []
        page = catalogue.page(wanted, limit=3, order=order)
        while page:
            assert len(page) <= 3
            seen += [int(alarm.event_id[-4:]) for alarm in page]
            page = catalogue.page(wanted, limit=3, order=order, after=page[-1])
        expected = [n for n in range(3, COUNT + 1) if n % 2 == 1]
        assert seen == (expected if order == "oldest" else expected[::-1])


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_events_that_begin_while_a_user_pages_neither_repeat_nor_hide_one(place: StoreAddress, order: Order) -> None:
    make_history(place, 12)
    with EventStore.open(place, analysis_sha256=None) as store:
        seen: list[str] = []
        page = store.catalogue.page(Wanted(cameras=("gate",)), limit=2, order=order)
        while page:
            seen += [alarm.event_id for alarm in page]
            position = store.position("gate")
            assert position is not None
            late = [sample_event(ordinal=90 + len(seen) * 2 + n, id=f"late-{len(seen)}-{n}",
                                 wall_time=rfc3339(page[0].started_ns)) for n in range(2)]  # fmt: skip
            if len(seen) < 8:
                store.commit("gate", late, position, lambda _: [])
            page = store.catalogue.page(Wanted(cameras=("gate",)), limit=2, order=order, after=page[-1])
        old = [each for each in seen if each.startswith("event-")]
        expected = [f"event-{n:04}" for n in range(2, 13, 2)]
        assert old == (expected if order == "oldest" else expected[::-1])
        assert len(set(seen)) == len(seen)


def test_a_filter_that_fits_no_kind_looks_at_no_event(place: StoreAddress) -> None:
    make_history(place, 12)
    with EventStore.open(place, analysis_sha256=None) as store:
        asked: list[str] = []
        event.listen(store._database._engine, "before_cursor_execute", lambda *about: asked.append(about[2]))
        assert store.catalogue.page(Wanted(cameras=("gate",), classes=("car",)), limit=5) == []
        assert not [statement for statement in asked if "FROM alarms" in statement or "JOIN" in statement]


def test_an_event_is_found_by_its_id_its_message_and_the_beginning_of_either(catalogue: Catalogue) -> None:
    for name in ("event-0007", "sample-yard-7", "event-0007"[:10]):
        assert [alarm.event_id for alarm in catalogue.find(name)] == ["event-0007"]
    assert [alarm.event_id for alarm in catalogue.find("event-001")] == [f"event-001{n}" for n in range(10)]
    assert catalogue.find("event-%") == catalogue.find("nothing") == catalogue.find("") == []


def test_messages_come_event_by_event_in_the_order_that_was_asked_for(catalogue: Catalogue) -> None:
    third, first = ([stored.body for stored in catalogue.messages(name)] for name in ("event-0003", "event-0001"))
    assert catalogue.bodies(["event-0003", "nothing", "event-0001"]) == third + first
    assert [stored.event.type for stored in catalogue.messages("event-0003")] == ["start", "end"]
    assert catalogue.bodies([]) == []


def test_what_became_of_each_message_is_told(catalogue: Catalogue) -> None:
    found = catalogue.deliveries("event-0001")
    assert [(each.type, each.sink, each.state, each.verdict) for each in found] == [
        ("start", "hook", "delivered", ""),
        ("end", "hook", "delivered", ""),
    ]


def test_an_event_that_came_to_matter_more_is_found_as_what_it_was_at_most(place: StoreAddress) -> None:
    with EventStore.open(place, analysis_sha256="a") as store:
        for ordinal, (kind, severity) in enumerate((("start", "low"), ("update", "critical"), ("end", "low")), 1):
            event = sample_event(ordinal=ordinal, id="e", type=kind, severity=severity)
            store.commit("gate", [event], Position(b"", ordinal, ordinal), lambda _: [])
        assert [alarm.severity for alarm in store.catalogue.all(Wanted(severities=("critical",)))] == ["critical"]
        assert list(store.catalogue.all(Wanted(severities=("low",)))) == []


def test_what_is_of_no_event_any_more_is_no_value(place: StoreAddress) -> None:
    make_history(place, 9)
    with EventStore.open(place, analysis_sha256=None) as store:
        assert store.catalogue.values("severity") == ["critical", "high", "low", "medium"]
        assert store.catalogue.values("class_name") == ["car", "person"]
        store.pruning(Wanted(severities=("low",)), before_ns=NOON + 99 * DAY).delete()
        assert store.catalogue.values("severity") == ["critical", "high", "medium"]
        position = store.position("gate")
        assert position is not None
        store.commit("gate", [sample_event(ordinal=99, id="new", severity="low")], position, lambda _: [])
        assert [alarm.event_id for alarm in store.catalogue.all(Wanted(severities=("low",)))] == ["new"]


@pytest.mark.parametrize("name", ["'; DROP TABLE alarms; --", '" OR 1=1', "gate%", "_", "\\", "gate\nyard", "😀"])
def test_a_name_is_never_a_part_of_the_question(catalogue: Catalogue, name: str) -> None:
    for field in ("cameras", "rules", "zones", "severities", "classes"):
        assert numbers(catalogue, **{field: (name,)}) == []
        assert numbers(catalogue, **{field: (name, "nothing")}) == []
    assert catalogue.find(name) == []
    assert numbers(catalogue) == list(range(1, COUNT + 1))


def test_messages_of_one_commit_make_one_row(place: StoreAddress) -> None:
    with EventStore.open(place, analysis_sha256="a") as store:
        kinds = ("start", "update", "end")
        events = [sample_event(ordinal=n, id="e", type=kind) for n, kind in enumerate(kinds, 1)]
        store.commit("gate", events, Position(b"", 1, 1), lambda _: [])
        store.commit("gate", events, Position(b"", 1, 1), lambda _: [])
        (alarm,) = store.catalogue.all(Wanted())
        assert (alarm.messages, alarm.ended) == (3, 12.5)


def test_protecting_what_is_not_there_is_an_error(place: StoreAddress) -> None:
    with EventStore.open(place, analysis_sha256="a") as store, pytest.raises(StoreError, match="has no event nothing"):
        store.catalogue.protect("nothing", protected=True)
