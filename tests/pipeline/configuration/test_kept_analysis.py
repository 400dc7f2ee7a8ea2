"""What a run keeps of its configuration is enough to build its alert stage again, and no more."""

from pathlib import Path

import pytest

from pipeline.configuration.analysis import analysis_sha256
from pipeline.configuration.kept_analysis import FILE, KeptAnalysis
from pipeline.configuration.loading import load
from pipeline.errors import UsageError

TEXT = """
cameras:
  gate: {source: "rtsp://user:hunter2@10.0.0.9/stream"}
  yard: {source: clip.mp4, fps: 5}
stages:
  detect: {kind: motion}
  classify: [{kind: colour, name: colour, cameras: [yard]}]
rules:
- {rule: in_field, name: lawn, zone: [[0, 0], [1, 0], [1, 1]], schedule: {hours: "22:00-06:00"}}
- {rule: loitering, cameras: [yard], attributes: {colour: red}}
sinks: [{kind: webhook, url: "http://h/x"}]
"""


def kept(folder: Path, text: str = TEXT) -> KeptAnalysis:
    (folder / "clip.mp4").touch()
    (folder / "x.yml").write_text(text)
    return KeptAnalysis.of(load(folder / "x.yml", environment={}).config)


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    one = kept(tmp_path)
    one.write(tmp_path)
    again = KeptAnalysis.read(tmp_path)
    assert (again.cameras, again.track, again.alert) == (one.cameras, one.track, one.alert)
    assert (again.classify, again.rules) == (one.classify, one.rules)
    assert again.cameras == {"gate": True, "yard": False}
    assert again.sha256 == one.sha256 == analysis_sha256(load(tmp_path / "x.yml", environment={}).config)


def test_with_other_rules_it_has_the_hash_of_a_run_with_those_rules(tmp_path: Path) -> None:
    one, other = kept(tmp_path), kept(tmp_path, TEXT.replace("loitering", "in_field"))
    one.write(tmp_path)
    again = KeptAnalysis.read(tmp_path)
    assert again.with_rules(other.rules).sha256 == other.sha256 != one.sha256
    assert again.with_rules(again.rules).sha256 == one.sha256


def test_it_holds_no_address_and_no_password(tmp_path: Path) -> None:
    kept(tmp_path).write(tmp_path)
    text = (tmp_path / FILE).read_text()
    assert "hunter2" not in text
    assert "10.0.0.9" not in text
    assert "http" not in text


def test_a_secret_in_an_option_of_the_users_own_is_not_kept(tmp_path: Path) -> None:
    text = TEXT.replace("rules:\n", "rules:\n- {rule: 'tests.pipeline.own_kinds:Locked', key: xyzzy-plugh}\n")
    kept(tmp_path, text).write(tmp_path)
    assert "xyzzy" not in (tmp_path / FILE).read_text()
    assert KeptAnalysis.read(tmp_path).rules[0].kind == "tests.pipeline.own_kinds:Locked"


def test_a_folder_without_it_or_with_a_foreign_one_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"analysis\.json: there is none"):
        KeptAnalysis.read(tmp_path)
    for text in ("", "[]", "{}", '{"covered": 1, "cameras": [], "track": {}}'):
        (tmp_path / FILE).write_text(text)
        with pytest.raises(UsageError, match=r"analysis\.json: was not written by this version") as caught:
            KeptAnalysis.read(tmp_path)
        assert len(str(caught.value).splitlines()) == 1
