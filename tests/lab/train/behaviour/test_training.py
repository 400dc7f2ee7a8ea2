import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from lab.evaluate.behaviour import FIGURES
from lab.train.behaviour.clips import read_clips
from lab.train.behaviour.settings import BehaviourSettings
from lab.train.behaviour.training import digest_of_clips, train
from pipeline.errors import UsageError
from stages.classify.behaviour import BehaviourModel, BehaviourOptions
from tests.lab.train.behaviour.conftest import square_clip


def settings(clips: Path, **changes: Any) -> BehaviourSettings:
    plain: dict[str, Any] = {
        "data": {"clips": clips, "groups": clips / "groups.csv", "pictures_fps": 8},
        "attribute": "activity",
        "names": ("still", "shaking"),
        "frames": 8,
        "stride": 6,
        "size": (64, 64),
        "candidates": [{"features": ["pixels"], "head": "conv3d"}, {"features": ["motion"], "head": "gru"}],
        "augmented": 1,
        "folds": 2,
        "inner_folds": 2,
        "permutations": 4,
        "fit": {"epochs": 12, "hidden": 8, "learning_rate": 0.02, "patience": 6},
    }
    return BehaviourSettings.model_validate(plain | changes)


@pytest.fixture(scope="module")
def trained(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    out = tmp_path_factory.mktemp("runs") / "run"
    with (out.parent / "said.txt").open("w") as said, redirect_stdout(said):
        train(settings(clips), out)
    return out


def results(out: Path) -> Any:
    return msgspec.json.decode((out / "results.json").read_bytes())


def test_shaking_is_told_from_drifting_on_sources_never_seen(trained: Path) -> None:
    assert results(trained)["nested"]["roc_auc"]["value"] > 0.9


def test_shuffled_labels_teach_less(trained: Path) -> None:
    chance = results(trained)["chance"]
    assert len(chance["roc_auc"]) == 4
    assert np.mean(chance["roc_auc"]) < 0.8
    assert chance["p_value"] == pytest.approx(0.2)


def test_every_candidate_has_every_figure_with_its_interval(trained: Path) -> None:
    found = results(trained)
    assert set(found["candidates"]) == {"pixels/conv3d", "motion/gru"}
    for row in found["candidates"].values():
        assert set(row) == set(FIGURES)
        assert row["roc_auc"]["low"] <= row["roc_auc"]["value"] <= row["roc_auc"]["high"]
    assert found["final"] in found["candidates"]
    assert found["always"]["roc_auc"]["value"] == 0.5
    assert 0 <= found["levels"]["0.9"][0] <= found["levels"]["0.5"][0] <= 1
    assert found["sources"] == 6


def test_the_run_keeps_settings_data_digest_curves_and_report(trained: Path) -> None:
    run = msgspec.json.decode((trained / "run.json").read_bytes())
    assert run["settings"]["seed"] == 0
    assert len(run["data_sha256"]) == 64
    assert len(run["model_sha256"]["features.onnx"]) == 64
    assert (trained / "curves.png").stat().st_size > 1000
    assert "rained on shuffled labels" in (trained / "report.html").read_text()


def test_the_deployed_model_tells_new_clips_apart(trained: Path) -> None:
    model = BehaviourModel(BehaviourOptions(model=trained / "model"))
    assert model.names == ("still", "shaking")
    assert (model.frames, model.fps, model.scope) == (8, 8.0, "scene")

    def shaking(clip: Any) -> float:
        pixels = list(clip[:8])
        return float(model.judge(model.embed(pixels, [None, *pixels[:-1]])[None])[0, 1])

    new = range(900, 910)
    assert min(shaking(square_clip(shaking=True, seed=s)) for s in new) > max(
        shaking(square_clip(shaking=False, seed=s)) for s in new
    )


@pytest.mark.slow
def test_a_run_that_was_interrupted_goes_on_where_it_was(trained: Path, clips: Path, tmp_path: Path) -> None:
    again = tmp_path / "run"
    (again / "folds").mkdir(parents=True)
    (again / "run.json").write_bytes((trained / "run.json").read_bytes())
    done = sorted((trained / "folds").iterdir())
    for file in done[:2]:
        (again / "folds" / file.name).write_bytes(file.read_bytes())
    (again / "folds" / done[2].name).write_bytes(done[2].read_bytes()[:40])  # killed while writing
    train(settings(clips), again, resume=True)
    assert results(again) == results(trained)
    assert (again / "model" / "temporal.onnx").read_bytes() == (trained / "model" / "temporal.onnx").read_bytes()


def test_a_finished_run_is_not_overwritten(trained: Path, clips: Path) -> None:
    with pytest.raises(UsageError, match="holds a run already"):
        train(settings(clips), trained)
    with pytest.raises(UsageError, match=r"other settings \(seed\)"):
        train(settings(clips, seed=9), trained, resume=True)


def test_clips_shorter_than_a_window_are_no_training_data(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no clip is as long as a window, 30 pictures \(3\.8 s\)"):
        train(settings(clips, frames=30), tmp_path / "run")
    assert not (tmp_path / "run" / "run.json").exists(), "the folder is free for the mended settings"


def test_a_file_where_the_folder_should_be_is_refused(clips: Path, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("in the way")
    with pytest.raises(UsageError, match=r"--out .*run: cannot be made"):
        train(settings(clips), tmp_path / "run")


def test_the_last_line_says_where_the_model_lies_and_what_it_gained(trained: Path) -> None:
    last = (trained.parent / "said.txt").read_text().splitlines()[-1]
    assert re.match(r"model: .*/run/model; .* epochs; ROC-AUC .* \+0\.\d+ against guessing \(0\.5000\)", last)


def test_clips_of_another_class_or_split_are_other_data(clips: Path, tmp_path: Path) -> None:
    groups = tmp_path / "groups.csv"
    groups.write_text((clips / "groups.csv").read_text().replace("source5,", "source5,val"))
    names = ("still", "shaking")
    plain = settings(clips).data
    digests = [
        digest_of_clips(read_clips(data, names, base=tmp_path), names)
        for data in (
            plain,
            plain.model_copy(update={"groups": groups}),
            plain.model_copy(update={"folders": names[::-1]}),
        )
    ]
    assert len(set(digests)) == 3


def test_one_source_alone_cannot_prove_anything(clips: Path, tmp_path: Path) -> None:
    groups = tmp_path / "groups.txt"
    names = [folder.name for kind in ("still", "shaking") for folder in (clips / kind).iterdir()]
    groups.write_text("camera\n" + "".join(f"{name}: x\n" for name in names))
    with pytest.raises(UsageError, match="windows of two sources at least"):
        train(settings(clips, data={"clips": clips, "groups": groups, "pictures_fps": 8}), tmp_path / "run")


@pytest.mark.slow
def test_a_declared_validation_split_is_tested_and_not_learned_from(clips: Path, tmp_path: Path) -> None:
    groups = tmp_path / "groups.csv"
    lines = (clips / "groups.csv").read_text().splitlines()
    groups.write_text("\n".join([line + "val" if line.endswith("source5,") else line for line in lines]))
    wanted = settings(
        clips,
        data={"clips": clips, "groups": groups, "pictures_fps": 8},
        candidates=[{"features": ["motion"], "head": "mean"}],
        permutations=0,
    )
    train(wanted, tmp_path / "run")
    found = results(tmp_path / "run")
    assert found["sources"] == 5
    assert found["declared_val"]["roc_auc"]["value"] > 0.9
    known = msgspec.json.decode((tmp_path / "run" / "model" / "trained_on.json").read_bytes())
    assert len(known) == 20
    assert not any(name[-2] == "5" for name in known)


@pytest.mark.slow
def test_windows_inside_an_interval_are_learned_from_one_clip_each_left_out(clips: Path, tmp_path: Path) -> None:
    import cv2

    lines = ["clip,start,end"]
    for number in range(4):
        folder = tmp_path / "clips" / f"c{number}"
        folder.mkdir(parents=True)
        calm, wild = (square_clip(shaking=s, seed=number, frames=12) for s in (False, True))
        for index, picture in enumerate(np.concatenate([calm, wild])):
            cv2.imwrite(str(folder / f"{index:03d}.png"), picture)
        lines.append(f"c{number},12,23")
    (tmp_path / "shakes.csv").write_text("\n".join(lines))
    wanted = settings(
        clips,
        data={"clips": tmp_path / "clips", "intervals": tmp_path / "shakes.csv", "pictures_fps": 8},
        candidates=[{"features": ["motion"], "head": "mean"}],
        stride=2,
        folds=4,
        permutations=0,
    )
    train(wanted, tmp_path / "run")
    found = results(tmp_path / "run")
    assert found["sources"] == 4
    assert found["nested"]["roc_auc"]["value"] > 0.9
