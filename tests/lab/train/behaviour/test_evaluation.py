from pathlib import Path

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from lab.evaluate.command import app
from lab.train.behaviour.features import build_features, only
from lab.train.behaviour.fit import fit
from lab.train.behaviour.sequences import sequences_of
from lab.train.behaviour.settings import BehaviourSettings
from tests.lab.train.behaviour.conftest import square_clip


@pytest.fixture(scope="module")
def model(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model trained on the clips, without any comparison."""
    from lab.train.behaviour.clips import read_clips
    from lab.train.behaviour.export import export
    from lab.train.behaviour.feature_cache import FeatureCache
    from lab.train.behaviour.windows import gather
    from lab.train.run_folder import digest_of, write_json

    settings = BehaviourSettings.model_validate(
        {
            "data": {"clips": clips, "pictures_fps": 8},
            "names": ("still", "shaking"),
            "frames": 8,
            "size": (64, 64),
            "fit": {"hidden": 8, "learning_rate": 0.02},
        }
    )
    folder = tmp_path_factory.mktemp("model")
    features = build_features(settings, ["motion"], base=Path())
    found = read_clips(settings.data, settings.names, base=Path())
    runs = [run for clip in found for run in sequences_of(clip, settings, None)]
    windows = gather(runs, FeatureCache(folder / "cache", features), settings, features.widths)
    chosen = settings.candidates[0]
    fitted = fit(chosen, windows, windows.truth, settings, train=np.arange(len(windows)), epochs=25)
    export(
        folder,
        only(features, chosen.parts),
        fitted.network,
        settings,
        candidate=chosen.name,
        temperature=1.0,
        thresholds=(0.5, 0.5),
    )
    write_json(folder / "trained_on.json", {clip.name: digest_of(clip.files) for clip in found})
    return folder


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds of video: calm, then two seconds of shaking, then calm."""
    import av

    parts = [
        square_clip(shaking=False, seed=3, frames=24),
        square_clip(shaking=True, seed=3, frames=16),
        square_clip(shaking=False, seed=3, frames=24),
    ]
    path = tmp_path_factory.mktemp("video") / "yard.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=8)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 4_000_000
        for picture in np.concatenate(parts):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    return path


def test_a_recording_is_searched_and_what_is_found_is_printed(model: Path, recording: Path) -> None:
    said = CliRunner().invoke(app, ["behaviour", str(model), "--video", str(recording)])
    assert said.exit_code == 0, said.output
    (found,) = [line for line in said.output.splitlines() if "shaking" in line]
    start, end = float(found.split()[0]), float(found.split()[3])
    assert 2.0 <= start <= 4.0
    assert 4.0 <= end <= 6.0


def test_clips_that_were_learned_from_are_no_test_and_that_is_said(model: Path, clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["behaviour", str(model), str(clips), "--pictures-fps", "8", "--out", str(out)]
    said = CliRunner().invoke(app, arguments)
    assert said.exit_code == 0, said.output
    assert "NO TEST: the model was trained on 24 of these 24 clips" in said.output
    found = msgspec.json.decode((out / "results.json").read_bytes())
    assert found["figures"]["roc_auc"]["value"] > 0.9
    assert len(found["trained_on"]) == 24
    page = (out / "report.html").read_text()
    assert "No test" in page
    assert page.count("<figure") >= 8


def test_false_alarms_are_counted_by_the_hour(model: Path, recording: Path, tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["behaviour", str(model), "--normal", str(recording), "--out", str(tmp_path)])
    assert said.exit_code == 0, said.output
    found = msgspec.json.decode((tmp_path / "results.json").read_bytes())["normal"]
    assert found["recordings"][0]["alarms"] == 1
    assert found["per_hour"][0] == pytest.approx(450, rel=0.02)
    assert "false alarms an hour: 450" in said.output
    assert "with threshold 0.50: 450" in said.output


def test_a_recording_that_is_not_there_is_named(model: Path) -> None:
    refused = CliRunner().invoke(app, ["behaviour", str(model), "--video", "nowhere.mp4"])
    assert str(refused.exception) == "nowhere.mp4: is not there"
