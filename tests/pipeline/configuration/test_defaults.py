"""Configurations made of arguments alone."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.configuration.defaults import camera_names, default_config
from pipeline.configuration.sections import CAMERA_NAME
from pipeline.errors import UsageError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "clip.mp4").write_bytes(b"")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "clip.mp4").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_recordings_get_names_rules_and_a_detector(folder: Path) -> None:
    config = default_config(["clip.mp4", "other/clip.mp4"])
    assert list(config.cameras) == ["clip", "clip-2"]
    assert config.cameras["clip-2"].model_dump()["source"] == str(folder / "other" / "clip.mp4")
    assert config.detect.kind == "yolo"
    assert [(rule.kind, rule.cameras) for rule in config.rules] == [("in_field", ("clip", "clip-2"))]
    assert config.out == Path("results")


def test_arguments_change_rules_values_and_out(folder: Path) -> None:
    config = default_config(
        ["clip.mp4"], rules=["loitering:seconds=20", "in_field"], overrides=["stages.detect.workers=2"], out=Path("o")
    )
    assert [rule.kind for rule in config.rules] == ["loitering", "in_field"]
    assert (config.detect.workers, config.out) == (2, Path("o"))


def test_a_stream_is_watched_and_not_processed(folder: Path) -> None:
    assert list(default_config(["rtsp://u:p@cam.example.org/1"], live=True).cameras) == ["cam_example_org"]
    with pytest.raises(UsageError) as caught:
        default_config(["rtsp://u:sesame@cam.example/1"])
    assert str(caught.value) == (
        "rtsp://***@cam.example/1: cameras.cam_example.source: is no recording; for live cameras: bartizan watch"
    )


def test_a_watched_recording_plays_at_its_own_speed(folder: Path) -> None:
    assert default_config(["clip.mp4"], live=True).cameras["clip"].model_dump()["realtime"] is True


def test_wrong_arguments_are_told_by_what_was_typed(folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        default_config(["clop.mp4"], rules=["in_feild", "loitering:secs=5"])
    told = str(caught.value).splitlines()
    assert told[2] == f"clop.mp4: cameras.clop.source: no such file: {folder}/clop.mp4, did you mean 'clip.mp4'?"
    assert told[0].startswith("--rule in_feild: rules.0.rule: unknown kind 'in_feild', did you mean 'in_field'?")
    assert told[1].startswith("--rule loitering:secs=5: rules.1.secs: unknown key")
    with pytest.raises(UsageError, match="name at least one source"):
        default_config([])


@given(st.lists(st.text(max_size=80), max_size=20))
def test_any_sources_get_safe_names_that_differ(sources: list[str]) -> None:
    names = camera_names(sources)
    assert len(set(names)) == len(sources)
    assert all(CAMERA_NAME.fullmatch(name) for name in names)
