"""``bartizan replay`` after a real run of the recording that ships: what was raised comes again, other rules differ."""

import json
from pathlib import Path

import pytest

from tests.e2e.running import bartizan, run_to_end

ZONE = [[0.0, 0.30], [0.60, 0.30], [0.95, 0.42], [0.98, 0.80], [0.55, 0.62], [0.22, 0.45], [0.0, 0.43]]
SQUARE = {"rule": "loitering", "name": "square", "zone": ZONE, "seconds": 8}
LINE = {"rule": "line_crossed", "name": "line", "line": [[0.53, 0.34], [0.66, 0.72]]}


def configuration(folder: Path, recording: Path) -> Path:
    path = folder / "run.yml"
    health = {"rule": "camera_health", "name": "health"}
    stages = {"detect": {"kind": "motion"}}
    rules = {"cameras": {"campus": {"source": str(recording)}}, "stages": stages, "rules": [SQUARE, LINE, health]}
    path.write_text(json.dumps(rules))
    return path


def replayed(*arguments: str | Path, code: int = 0) -> str:
    return bartizan("replay", *arguments, code=code).stdout


@pytest.mark.slow
def test_a_run_is_replayed_to_the_byte_and_other_rules_show_what_differs(short_dir: Path, root: Path) -> None:
    out, again, found = short_dir / "out", short_dir / "again.jsonl", short_dir / "found.json"
    run_to_end(["run", str(configuration(short_dir, root / "sample_videos" / "campus.mp4")), "--out", str(out)], out)
    assert "identical to the byte" in replayed(out, "--check", "--events", again)
    assert again.read_bytes() == (out / "events.jsonl").read_bytes() != b""
    rules = short_dir / "new.yml"
    rules.write_text(json.dumps({"rules": [SQUARE | {"seconds": 12}, LINE | {"severity": "low"}]}))
    replayed(out, "--rules", rules, "--json", found, "--check", code=1)
    verdicts = {(event["name"], event["verdict"]) for event in json.loads(found.read_text())["events"]}
    assert ("line", "changed") in verdicts
    assert ("line", "same") not in verdicts
    assert ("square", "moved") in verdicts
    (out / "tracks" / "campus.spool").unlink()
    assert "tracked again" in replayed(out, "--check"), "the log alone is enough"
