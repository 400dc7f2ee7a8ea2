"""What breaks, breaks alone: decoders that abort, and detectors that die, raise or hang on a frame of their own."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.faulty import DETECTOR, SOURCE, write_clip
from tests.e2e.running import Running, run_to_end

FRAMES = 60
BAD = 30
QUICK = [
    *("--set", "supervisor.backoff_first_s=0.05", "--set", "supervisor.backoff_max_s=0.1"),
    *("--set", f"stages.detect.kind={DETECTOR}"),
]


def analyse(out: Path, *sources: Path, options: list[str] | None = None, code: int = 0) -> Running:
    """Run recordings of ``write_clip`` through, and wait for the end."""
    backends = [word for source in sources for word in ("--set", f"cameras.{source.stem}.backend={SOURCE}")]
    command = ["process", *map(str, sources), "--out", str(out), *QUICK, *backends, *(options or [])]
    return run_to_end(command, out, code=code)


def tripping(fault: str, **values: float) -> list[str]:
    """Options of a detector that trips over frame ``BAD``."""
    settings: dict[str, str | float] = {"fault": fault, "frame": BAD, **values}
    return [word for name, value in settings.items() for word in ("--set", f"stages.detect.{name}={value}")]


def told(run: Running, camera: str) -> list[dict[str, Any]]:
    """The events of a camera, without the hash of the analysis and the identities made from it."""
    own = {"analysis_sha256", "id", "message_id", "evidence"}
    return [
        {key: value for key, value in event.items() if key not in own}
        for event in run.events()
        if event["camera"] == camera
    ]


def dropped(run: Running, stage: str) -> dict[str, int]:
    found: dict[str, int] = next(book["dropped"] for book in run.report()["books"] if book["stage"] == stage)
    return found


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Running:
    """The clip, undisturbed."""
    folder = tmp_path_factory.mktemp("calm")
    run = analyse(folder / "out", write_clip(folder / "clip.pattern", frames=FRAMES))
    assert run.report()["restarts"] == []
    assert {event["type"] for event in run.events()} == {"start", "end"}
    return run


@pytest.mark.slow
def test_a_decoder_that_always_aborts_is_given_up_and_harms_nobody_else(calm: Running, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.pattern", frames=FRAMES)
    broken = write_clip(tmp_path / "broken.pattern", frames=FRAMES, abort_at=20)
    run = analyse(tmp_path / "out", clip, broken, options=["--set", "supervisor.restarts=2"], code=1)
    assert told(run, "clip") == told(calm, "clip")
    source = run.report()["sources"][1]
    assert source["ended"] == "failed: died of SIGABRT"
    assert source["frames"] <= 20
    # it is given up at the third death without progress, of which there is some for each of its frames at most
    assert 2 <= len(run.restarts("capture[broken]")) <= 3 * (1 + 20)
    assert "camera broken" in run.output.read_text()
    assert run.restarts("capture[clip]") == []
    broken.with_suffix(".plan").unlink()
    mended = analyse(tmp_path / "out", clip, broken)
    assert told(mended, "clip") == told(calm, "clip")
    assert mended.frames("broken") == FRAMES


def test_a_decoder_that_aborts_once_changes_nothing(calm: Running, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.pattern", frames=FRAMES, abort_at=40, times=1)
    run = analyse(tmp_path / "out", clip)
    assert run.restarts("capture[clip]") == ["died of SIGABRT"]
    assert (run.out / "events.jsonl").read_bytes() == (calm.out / "events.jsonl").read_bytes()


def test_footage_that_makes_opencv_abort_harms_nobody_else(calm: Running, footage: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.pattern", frames=FRAMES)
    demo = footage / "videos" / "bgslib" / "demo.avi"
    out = tmp_path / "out"
    values = [f"cameras.clip.backend={SOURCE}", "cameras.demo.backend=opencv", "cameras.demo.fps=1"]
    options = [word for value in values for word in ("--set", value)]
    run = run_to_end(["process", str(clip), str(demo), "--out", str(out), *QUICK, *options], out)
    assert told(run, "clip") == told(calm, "clip")
    assert (run.report()["sources"][1]["ended"], run.report()["restarts"]) == ("eof", [])
    assert run.frames("demo") > 40


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory: pytest.TempPathFactory) -> Running:
    """The clip with a frame that kills the worker which looks at it; one worker."""
    folder = tmp_path_factory.mktemp("poisoned")
    clip = write_clip(folder / "clip.pattern", frames=FRAMES)
    return analyse(folder / "out", clip, options=tripping("abort"))


def test_a_frame_that_kills_its_worker_is_poison_and_the_rest_is_analysed(poisoned: Running) -> None:
    assert dropped(poisoned, "detect") == {"poison": 1}
    assert "camera clip: 1 frame could not be analysed" in poisoned.output.read_text()
    assert set(poisoned.restarts("detect[0]")) == {"died of SIGABRT"}
    # Twice it counts; on a busy machine the frame may be handed out again before that is known.
    assert len(poisoned.restarts("detect[0]")) >= 2
    assert poisoned.frames("clip") == FRAMES
    assert poisoned.events()


def test_poison_is_the_same_frame_for_any_number_of_workers(poisoned: Running, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.pattern", frames=FRAMES)
    run = analyse(tmp_path / "out", clip, options=[*tripping("abort"), "--set", "stages.detect.workers=3"])
    assert dropped(run, "detect") == {"poison": 1}
    assert (run.out / "events.jsonl").read_bytes() == (poisoned.out / "events.jsonl").read_bytes()


def test_a_stretch_of_frames_that_kill_workers_is_got_past(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.pattern", frames=FRAMES)
    run = analyse(tmp_path / "out", clip, options=tripping("abort", frames=3))
    assert dropped(run, "detect") == {"poison": 3}
    assert run.report()["sources"][0]["ended"] == "eof"


def test_a_detector_that_fails_on_everything_is_a_failure(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.pattern", frames=20)
    run = analyse(tmp_path / "out", clip, options=tripping("raise", frame=0, frames=20), code=1)
    assert dropped(run, "detect") == {"poison": 20}
    assert "camera clip: failed: the detector could analyse none of its frames" in run.output.read_text()


def test_a_frame_that_raises_is_poison_and_costs_no_worker(poisoned: Running, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.pattern", frames=FRAMES)
    run = analyse(tmp_path / "out", clip, options=tripping("raise"))
    assert dropped(run, "detect") == {"poison": 1}
    assert run.report()["restarts"] == []
    assert "tripped, as asked" in run.said()
    assert (run.out / "events.jsonl").read_bytes() == (poisoned.out / "events.jsonl").read_bytes()


def test_a_frame_that_hangs_is_poison_after_two_leases(poisoned: Running, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.pattern", frames=FRAMES)
    run = analyse(tmp_path / "out", clip, options=[*tripping("hang"), "--set", "stages.dispatch.lease_s=1.2"])
    assert dropped(run, "detect") == {"poison": 1}
    assert set(run.restarts("detect[0]")) == {"held a frame for longer than its lease"}
    assert (run.out / "events.jsonl").read_bytes() == (poisoned.out / "events.jsonl").read_bytes()


@pytest.mark.slow
def test_a_frame_that_hangs_is_found_by_its_silence_too(poisoned: Running, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.pattern", frames=FRAMES)
    run = analyse(tmp_path / "out", clip, options=[*tripping("hang"), "--set", "supervisor.liveness_s=2.5"])
    assert dropped(run, "detect") == {"poison": 1}
    assert set(run.restarts("detect[0]")) == {"no answer for 2.5 s"}
    assert (run.out / "events.jsonl").read_bytes() == (poisoned.out / "events.jsonl").read_bytes()
