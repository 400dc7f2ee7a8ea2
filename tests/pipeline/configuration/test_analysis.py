"""What changes the analysis hash, and what must not."""

from pathlib import Path

import pytest

from pipeline.configuration.analysis import analysis_sha256, content_sha256
from pipeline.configuration.loading import load

TEXT = """
cameras:
  gate: {source: one/clip.mp4}
  yard: {source: one/clip.mp4, fps: 5}
stages: {detect: {kind: yolo, model: one/a.pt, precision: f32}}
rules:
- {rule: in_field, name: lawn, zone: [[0, 0], [1, 0], [1, 1]]}
- {rule: loitering}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "clip.mp4").write_bytes(b"")
        (tmp_path / name / "a.pt").write_bytes(b"weights")
    (tmp_path / "two" / "b.pt").write_bytes(b"other weights")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def digest(*overrides: str) -> str:
    Path("x.yml").write_text(TEXT)
    return analysis_sha256(load("x.yml", overrides=overrides, environment={}).config)


@pytest.mark.parametrize(
    "override",
    [
        "out=elsewhere",
        "stages.detect.workers=3",
        "stages.detect.batch=1",
        "stages.detect.threads=2",
        "stages.detect.model=two/a.pt",
        "stages.dispatch.slots=20",
        "stages.evidence.jpeg_quality=50",
        "cameras.gate.source=two/clip.mp4",
        "cameras.gate.read_timeout_s=1 min",
        "cameras.gate.reconnect.first_s=2s",
        "sinks=[{kind: webhook, url: http://h/x}]",
        "governor={enabled: true, per_rule: 1}",
        "links.endpoint=tcp://127.0.0.1:5555",
        "supervisor.liveness_s=5",
        "metrics.enabled=true",
        "logs.level=debug",
        "rules.1.name=loitering",
    ],
)
def test_where_and_how_fast_it_runs_does_not_change_the_analysis(override: str, folder: Path) -> None:
    assert digest(override) == digest()


@pytest.mark.parametrize(
    "override",
    [
        "stages.detect.model=two/b.pt",
        "stages.detect.precision=bf16",
        "stages.detect.confidence=0.3",
        "stages.detect.classes=[person]",
        "stages.detect={kind: motion}",
        "stages.alert.join_s=1s",
        "cameras.gate.fps=5",
        "cameras.gate.masks=[[[0, 0], [1, 0], [1, 1]]]",
        "cameras.gate.gate.recheck_s=5s",
        "cameras.gate.start_time='2026-01-01T00:00:00Z'",
        "cameras.more={source: one/clip.mp4}",
        "rules.0.zone.0=[0.1, 0]",
        "rules.0.name=meadow",
        "rules.0.cameras=[gate]",
        "rules.1.seconds=2 min",
        "rules.2={rule: in_field}",
        "rules=[]",
    ],
)
def test_what_is_looked_for_changes_the_analysis(override: str, folder: Path) -> None:
    assert digest(override) != digest()


def test_a_live_cameras_address_and_password_do_not_count(folder: Path) -> None:
    assert digest("cameras.gate.source=rtsp://a:b@h/1") == digest("cameras.gate.source=rtsp://c:d@other/2")


def test_an_exported_model_counts_with_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "m.xml").write_text("net")
    (tmp_path / "m.bin").write_bytes(b"1")
    before = content_sha256(tmp_path), content_sha256(tmp_path / "m.xml")
    (tmp_path / "m.bin").write_bytes(b"2")
    after = content_sha256(tmp_path), content_sha256(tmp_path / "m.xml")
    assert before[0] != after[0]
    assert before[1] != after[1]
