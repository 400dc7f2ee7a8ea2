"""What is recorded, as the configuration has it."""

from pathlib import Path

import pytest

from pipeline.configuration.analysis import analysis_sha256
from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.loading import load_config
from pipeline.run import roles_of

CAMERAS = "cameras: {gate: {source: 'rtsp://192.0.2.1/a'}, yard: {source: clip.mp4}}\n"


def read_text(folder: Path, text: str) -> PipelineConfig:
    path = folder / "x.yml"
    (folder / "clip.mp4").touch()
    path.write_text(text)
    return load_config(path)


def test_one_item_is_for_all_cameras_and_each_has_a_process(tmp_path: Path) -> None:
    config = read_text(tmp_path, CAMERAS + "stages: {record: {pre_roll_s: 3}}\n")
    assert config.clips == {"gate", "yard"}
    assert [role.name for role in roles_of(config) if role.stage == "record"] == ["gate", "yard"]


def test_what_is_off_is_not_recorded(tmp_path: Path) -> None:
    text = CAMERAS + "stages: {record: [{cameras: [gate], mode: off}, {cameras: [yard]}]}\n"
    config = read_text(tmp_path, text)
    assert config.clips == {"yard"}
    assert [role.name for role in roles_of(config) if role.stage == "record"] == ["yard"]


def test_a_live_camera_that_is_recorded_has_a_rule_for_when_it_is_not(tmp_path: Path) -> None:
    config = read_text(tmp_path, CAMERAS + "stages: {record: {}}\n")
    [rule] = [rule for rule in config.rules if rule.kind == "not_recorded"]
    assert rule.cameras == ("gate",)
    assert rule.options.model_dump()["severity"] == "critical"
    own = CAMERAS + "stages: {record: {}}\nrules: [{rule: not_recorded, severity: low}]\n"
    [rule] = [rule for rule in read_text(tmp_path, own).rules if rule.kind == "not_recorded"]
    assert rule.options.model_dump()["severity"] == "low"


@pytest.mark.parametrize(
    ("camera", "record", "shared"),
    [
        ("source: 0", "{}", True),
        ("source: /dev/video2", "{}", True),
        ("source: 'synthetic:320x240@10'", "{}", True),
        ("source: clip.mp4, realtime: true", "{}", True),
        ("source: 'rtsp://192.0.2.1/a'", "{}", False),
        ("source: 'http://192.0.2.1/a'", "{}", False),
        ("source: 'rtsp://192.0.2.1/a'", "{connection: shared}", True),
        ("source: 'rtsp://192.0.2.1/a'", "{connection: shared, mode: 'off'}", False),
        ("source: 0", "{cameras: [gate], source: 'rtsp://192.0.2.1/b'}", False),
        ("source: clip.mp4", "{connection: shared}", False),
    ],
)
def test_devices_are_recorded_over_the_connection_of_the_analysis_and_streams_where_told(
    tmp_path: Path, camera: str, record: str, shared: bool
) -> None:
    config = read_text(tmp_path, f"cameras: {{gate: {{{camera}}}}}\nstages: {{record: {record}}}\n")
    assert config.is_shared("gate") is shared
    assert PipelineConfig.from_spec(config.to_spec()).is_shared("gate") is shared


def test_what_a_child_process_reads_is_the_same(tmp_path: Path) -> None:
    text = CAMERAS + "stages: {record: {cameras: [gate], source: 'rtsp://a:b@192.0.2.1/main', quality: 30}}\n"
    config = read_text(tmp_path, text)
    again = PipelineConfig.from_spec(config.to_spec())
    assert again.record == config.record
    assert again.record[0].source == "rtsp://a:b@192.0.2.1/main"


def test_the_analysis_is_another_with_clips_and_the_same_with_other_clips(tmp_path: Path) -> None:
    cameras = "cameras: {yard: {source: clip.mp4}}\n"
    without = analysis_sha256(read_text(tmp_path, cameras))
    short = analysis_sha256(read_text(tmp_path, cameras + "stages: {record: {pre_roll_s: 1}}\n"))
    long = analysis_sha256(read_text(tmp_path, cameras + "stages: {record: {pre_roll_s: 9}}\n"))
    assert without != short
    assert short == long
