"""``bartizan learn`` and ``bartizan normal`` from end to end, on what a run has stored, and on real footage if it is
there."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from lab.normal.learn_command import learn_normal
from lab.normal.normal_command import app
from pipeline.configuration.loading import load_config
from pipeline.detections import Detections
from pipeline.errors import CannotStart, UsageError
from pipeline.journal.log import LogReader, LogWriter
from pipeline.messages import FrameRecord, LogHeader
from pipeline.registry import COMMANDS, resolve
from pipeline.store.sample_event import sample_event
from stages.alert.normal.store import current, generations, read
from tests.lab.normal.conftest import Running

LEARN = typer.Typer()
LEARN.command()(learn_normal)


def learn(*arguments: str | Path) -> str:
    return said(CliRunner().invoke(LEARN, [str(each) for each in arguments]))


def normal(*arguments: str | Path, code: int = 0, answer: str = "") -> str:
    return said(CliRunner().invoke(app, [str(each) for each in arguments], input=answer), code=code)


def said(result: Result, *, code: int = 0) -> str:
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def model(gate: Path) -> Path:
    """A folder with two generations."""
    return gate


def test_old_generations_are_deleted_when_asked_for_and_after_a_question(model: Path) -> None:
    assert "cannot be replayed then" in normal("prune", model, "--keep", "1", code=1, answer="n\n")
    assert generations(model) == [1, 2]
    assert "1 generations deleted: 1" in normal("prune", model, "--keep", "1", "--yes")
    assert generations(model) == [2]


def test_both_commands_are_there_by_name() -> None:
    assert resolve("learn", COMMANDS) is learn_normal
    assert resolve("normal", COMMANDS) is app


def test_learning_says_what_it_learned_and_what_it_cannot_promise(run: Running, tmp_path: Path) -> None:
    lines = learn(run(), "--camera", "gate", "--out", tmp_path / "m", "--false-alarms-per-day", "3").splitlines()
    assert lines[0].startswith("learned 1.5 minutes of normal footage: 1 clip, 451 frames, 1 track; features: ")
    assert lines[1].startswith("  for 3 a day: threshold ")
    assert lines[2].startswith("  extrapolated: 1.5 minutes of normal footage cannot promise fewer than 40 an hour")
    assert f"{tmp_path / 'm'}: generation 1, " in lines[4]


def test_what_alarmed_in_a_run_is_said_and_is_for_a_run_alone(run: Running, tmp_path: Path) -> None:
    start = sample_event(rule="line_crossed", name="door", started=20.0, media_time=20.0, frame=1)
    end = sample_event(rule="line_crossed", name="door", ordinal=2, type="end", started=20.0, media_time=25.0, frame=1)
    results, out = run(events=[start, end]), tmp_path / "m"
    told = learn(results, "--camera", "gate", "--out", out)
    assert "  left out: 0 objects that alarmed, and 7 s around them (door)\n" in told
    assert "left out" not in learn(results, "--camera", "gate", "--out", out, "--ordinary", "door")
    with pytest.raises(UsageError, match="--ordinary RULE: is for the results of a run"):
        learn("walk.avi", "--camera", "gate", "--out", out, "--ordinary", "door")


def test_what_it_says_to_paste_is_a_configuration_that_is_right(
    run: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = learn(run(), "--camera", "gate", "--out", tmp_path / "m").splitlines()
    pasted = "\n".join(line[2:] for line in lines[lines.index("next, in your configuration:") + 1 :])
    (tmp_path / "c.yml").write_text(f"cameras:\n  gate: {{source: here.avi}}\n{pasted}\n")
    (tmp_path / "here.avi").write_bytes(b"")
    (rule,) = load_config(tmp_path / "c.yml").rules
    assert (rule.kind, rule.options.model_dump()["false_alarms_per_day"]) == ("anomaly", 2.0)


def test_what_objects_look_like_is_asked_for_in_vain_where_nobody_tells_it(run: Running, tmp_path: Path) -> None:
    results, out = run(), tmp_path / "m"
    told = learn(results, "--camera", "gate", "--out", out, "--appearance")
    assert told.splitlines()[-1] == "  appearance was not learned: too few objects were seen well"
    strip_vectors(results / "logs" / "gate.log")
    with pytest.raises(UsageError, match=r"--appearance: the detector of the run in .* gave no vectors"):
        learn(results, "--camera", "gate", "--out", out, "--appearance")
    config = tmp_path / "c.yml"
    config.write_text("cameras:\n  gate: {source: here.avi}\nstages:\n  detect: {kind: motion}\n")
    (tmp_path / "here.avi").write_bytes(b"")
    with pytest.raises(UsageError, match=r"--appearance: the detector of .*c\.yml gives no vectors; write `embedding:"):
        learn("--config", config, "--camera", "gate", "--out", out, "--appearance")


def strip_vectors(path: Path) -> None:
    """Write the log anew without them."""
    reader = LogReader(path)
    header, *others = (record for record, _ in reader.read(10_000))
    reader.close()
    path.unlink()
    assert isinstance(header, LogHeader)
    writer = LogWriter.open(path, header)
    for each in others:
        if isinstance(each, FrameRecord):
            found = replace(Detections.unpack(each.detections), embedding=None)
            each = FrameRecord(each.frame, each.status, found.pack())
        writer.append(each)
    writer.close()


def test_show_says_what_is_in_use_and_what_each_budget_costs(model: Path) -> None:
    shown = normal("show", model)
    assert "camera gate: generation 2 of 1, 2; " in shown
    assert f"sha256 {read(model).digest}" in shown
    assert "1 in 100" in shown
    assert "is extrapolated: an exponential tail is assumed, and `mode: auto` stays in shadow." in shown
    assert "generation 1 of 1, 2" in normal("show", model, "--generation", "1")


def test_show_gives_the_same_as_json(model: Path) -> None:
    told = json.loads(normal("show", model, "--json"))
    assert told["generations"] == [1, 2]
    assert told["manifest"]["camera"] == "gate"
    assert [row["false_alarms_per_day"] for row in told["budgets"]] == [0.1, 1.0, 2.0, 10.0, 100.0, 1440.0]
    assert [row["auto"] == "armed" for row in told["budgets"]] == [not row["extrapolated"] for row in told["budgets"]]
    thresholds = [row["threshold"] for row in told["budgets"]]
    assert thresholds == sorted(thresholds, reverse=True)


def test_rollback_and_forward_again(model: Path) -> None:
    assert "generation 1 is in use from the next start on" in normal("rollback", model)
    assert "generation 2 is in use" in normal("rollback", model, "--to", "2")
    assert current(model) == 2


def test_reset_asks_before_it_deletes(model: Path) -> None:
    assert "delete 2 generations" in normal("reset", model, code=1, answer="n\n")
    assert generations(model) == [1, 2]
    assert "2 generations deleted" in normal("reset", model, "--yes")
    assert not model.exists()


def test_export_and_import_carry_it_elsewhere(model: Path, tmp_path: Path) -> None:
    normal("export", model, tmp_path / "gate.zip")
    assert "camera gate, generation 2 is in use" in normal("import", tmp_path / "gate.zip", tmp_path / "there")
    assert read(tmp_path / "there").digest == read(model).digest


def test_a_damaged_model_is_refused_in_one_line(model: Path) -> None:
    (model / "generations" / "2" / "bank.npz").write_bytes(b"no")
    with pytest.raises(CannotStart, match="digest differs"):
        normal("show", model)


def test_what_cannot_be_learned_from_is_refused_before_anything_is_written(run: Running, tmp_path: Path) -> None:
    out = run()
    with pytest.raises(UsageError, match="--out DIR: say where"):
        learn(out)
    with pytest.raises(UsageError, match="has no log of it"):
        learn(out, "--camera", "yard", "--out", tmp_path / "m")
    with pytest.raises(UsageError, match="leave out --config and --model"):
        learn(out, "--camera", "gate", "--out", tmp_path / "m", "--model", "bartizan-n")
    with pytest.raises(UsageError, match="no such video or folder"):
        learn(tmp_path / "nothing.avi", "--out", tmp_path / "m")
    with pytest.raises(UsageError, match="name FOOTAGE to learn from"):
        learn("--out", tmp_path / "m")
    assert list((tmp_path / "m").iterdir()) == []


def test_a_configuration_must_have_the_camera(tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text("cameras:\n  gate: {source: here.avi}\nstages:\n  detect: {kind: motion}\n")
    (tmp_path / "here.avi").write_bytes(b"")
    with pytest.raises(UsageError, match="has no such camera, did you mean"):
        learn("--config", tmp_path / "c.yml", "--camera", "gaet", "--out", tmp_path / "m")


@pytest.mark.slow
@pytest.mark.footage
def test_real_footage_is_learned_from(footage: Path, tmp_path: Path) -> None:
    clips = sorted((footage / "datasets" / "ucsd_ped2" / "training" / "frames").iterdir())[:5]
    shown = learn(*clips, "--out", tmp_path / "ped2", "--false-alarms-per-day", "1440")
    assert "5 clips, 750 frames" in shown or "5 clips" in shown
    stored = read(tmp_path / "ped2")
    assert stored.manifest.footage.tracks > 20
    assert stored.calibration.threshold(1440) > 1.0
    assert stored.manifest.detector


def test_a_configured_camera_is_learned_from_with_its_own_detector_and_masks(tmp_path: Path) -> None:
    """A square crosses a folder of pictures, twice a second for a minute; the model-free detector sees it."""
    import cv2

    (tmp_path / "pictures").mkdir()
    for number in range(124):
        picture = np.full((96, 128, 3), 90, np.uint8)
        picture[40:60, number % 40 * 3 : number % 40 * 3 + 12] = 220
        cv2.imwrite(str(tmp_path / "pictures" / f"{number}.png"), picture)
    (tmp_path / "c.yml").write_text("cameras:\n  gate: {source: 'pictures?fps=2'}\nstages:\n  detect: {kind: motion}\n")
    shown = learn("--config", tmp_path / "c.yml", "--camera", "gate", "--out", tmp_path / "m")
    assert shown.startswith("learned 62 seconds of normal footage: 1 clip, 124 frames, ")
    assert read(tmp_path / "m").manifest.camera == "gate"
