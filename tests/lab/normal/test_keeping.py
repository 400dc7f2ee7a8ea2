"""Generations are written whole, kept for a while, and can be gone back to."""

from pathlib import Path

import pytest

from lab.normal.keeping import KEPT, forget, go_back, keep, prune
from lab.normal.learning import Learned
from pipeline.errors import CannotStart, UsageError
from stages.alert.normal.nearest import INDEX
from stages.alert.normal.store import CURRENT, EXEMPLARS, GENERATIONS, current, generations, listed, read
from stages.alert.normal.taught import Taught
from stages.alert.rules.anomaly import AnomalyOptions


def again(folder: Path, learned: Learned, *, camera: str = "gate") -> None:
    keep(folder, camera, learned.model, learned.calibration, learned.footage)


def test_the_same_model_gives_the_same_bytes(learned: Learned, tmp_path: Path) -> None:
    for name in ("one", "two"):
        again(tmp_path / name, learned)
    assert read(tmp_path / "one").digest == read(tmp_path / "two").digest


def test_what_is_read_scores_and_promises_as_what_was_written(gate: Path, learned: Learned) -> None:
    stored = read(gate)
    assert stored.calibration.threshold(3.0) == learned.calibration.threshold(3.0)
    written, kept = learned.model.arrays(), stored.model.arrays()
    assert {name: array.tobytes() for name, array in written.items()} == {
        name: array.tobytes() for name, array in kept.items()
    }


def test_a_generation_takes_some_hundred_kilobytes_at_most(gate: Path) -> None:
    assert sum(each.stat().st_size for each in read(gate).path.iterdir()) < 300_000


def test_a_run_that_goes_by_an_old_generation_can_be_started_again_after_a_year_of_updates(
    gate: Path, learned: Learned
) -> None:
    go_back(gate, 1)
    run = AnomalyOptions.model_validate({"normal": gate})
    assert run.normal == gate / "generations" / "1"
    before = Taught(run).pinned
    for _ in range(20):
        again(gate, learned)
    after = Taught(AnomalyOptions.model_validate({"normal": run.normal})).pinned
    assert before is not None
    assert after is not None
    assert after.facts == before.facts
    assert current(gate) == 22


def test_old_generations_lose_their_pictures_and_nothing_that_is_in_events(gate: Path, learned: Learned) -> None:
    crops = {"00.jpg": b"a face", INDEX: b"[]"}
    for _ in range(KEPT + 1):
        keep(gate, "gate", learned.model, learned.calibration, learned.footage, exemplars=crops)
    there = {
        each: sorted(file.name for file in (gate / GENERATIONS / str(each) / EXEMPLARS).iterdir()) for each in (3, 4)
    }
    assert there == {3: [INDEX], 4: ["00.jpg", INDEX]}
    assert read(gate, generation=3).exemplar("00.jpg") is None


def test_generations_are_deleted_where_that_is_asked_for_and_numbers_go_on(gate: Path, learned: Learned) -> None:
    for _ in range(KEPT):
        again(gate, learned)
    go_back(gate, 1)
    assert prune(gate) == [2]
    assert generations(gate) == [1, 3, 4, 5, 6, 7]
    go_back(gate, 7)
    assert prune(gate, 2) == [1, 3, 4, 5]
    again(gate, learned)
    assert generations(gate) == [6, 7, 8]


@pytest.mark.parametrize(
    ("numbers", "words"), [([], "none"), ([2], "2"), ([1, 2, 3, 5], "1, 2, 3, 5"), ([1, 3, 4, 5, 6, 9], "1, 3 to 6, 9")]
)
def test_many_numbers_are_said_in_few_words(numbers: list[int], words: str) -> None:
    assert listed(numbers) == words


def test_going_back_deletes_nothing_and_can_be_undone(gate: Path) -> None:
    assert go_back(gate).manifest.generation == 1
    assert current(gate) == 1
    assert go_back(gate, 2).manifest.generation == 2
    assert generations(gate) == [1, 2]


def test_what_is_learned_after_going_back_follows_the_one_in_use(gate: Path, learned: Learned) -> None:
    go_back(gate)
    again(gate, learned)
    assert (current(gate), read(gate).manifest.parent) == (3, read(gate, generation=1).digest)


def test_there_must_be_something_to_go_back_to(gate: Path, tmp_path: Path) -> None:
    go_back(gate)
    with pytest.raises(UsageError, match="generation 1 is in use, and none before it is kept"):
        go_back(gate)
    with pytest.raises(UsageError, match="generation 9 is not kept; there: 1, 2"):
        go_back(gate, 9)
    with pytest.raises(UsageError, match="holds no model of normal"):
        go_back(tmp_path)


def test_a_damaged_pointer_is_mended_by_going_back(gate: Path) -> None:
    (gate / CURRENT).write_text("{")
    with pytest.raises(CannotStart):
        read(gate)
    assert go_back(gate).manifest.generation == 2


def test_a_damaged_generation_is_not_gone_back_to(gate: Path) -> None:
    (gate / "generations" / "1" / "bank.npz").write_bytes(b"")
    with pytest.raises(CannotStart, match="digest differs"):
        go_back(gate)
    assert current(gate) == 2


def test_another_cameras_folder_is_not_written_into(gate: Path, learned: Learned) -> None:
    with pytest.raises(UsageError, match="holds the model of camera 'gate', not of 'yard'"):
        again(gate, learned, camera="yard")


@pytest.mark.parametrize("harmed", ["current.json", "generations/2/manifest.json", "generations/2/bank.npz"])
def test_learning_anew_helps_where_what_is_there_is_damaged(gate: Path, learned: Learned, harmed: str) -> None:
    (gate / harmed).write_bytes(b"{")
    again(gate, learned)
    assert read(gate).manifest.generation == 3


def test_a_folder_with_something_else_is_not_written_into(learned: Learned, tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(UsageError, match="holds something else"):
        again(tmp_path, learned)


def test_a_file_in_place_of_the_folder_is_said(learned: Learned, tmp_path: Path) -> None:
    (tmp_path / "gate").write_text("a file")
    with pytest.raises(UsageError, match="cannot be made"):
        again(tmp_path / "gate", learned)


def test_what_an_interrupted_writing_left_does_not_count(gate: Path, learned: Learned) -> None:
    left = gate / "generations" / "3.part"
    left.mkdir()
    (left / "manifest.json").write_text("half")
    assert generations(gate) == [1, 2]
    again(gate, learned)
    assert current(gate) == 3
    assert not left.exists()


def test_forgetting_takes_everything_of_the_model_and_nothing_else(gate: Path) -> None:
    (gate / "note.txt").write_text("mine")
    assert forget(gate) == 2
    assert [each.name for each in gate.iterdir()] == ["note.txt"]
    with pytest.raises(UsageError, match="holds no model of normal"):
        forget(gate)
