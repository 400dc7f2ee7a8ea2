"""Configurations that are wrong, with the exact lines that the user reads; and what strict and safe mode do."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import registry
from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.loading import load, load_config
from pipeline.errors import UsageError

OWN = """
from pydantic import BaseModel, ConfigDict, Field, SecretStr

class Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    open_timeout_s: float = Field(default=5, gt=0, le=60, description="Longest wait.")
    read_timeout_s: float = Field(default=5, gt=0, le=60, description="Longest wait.")
    count: int = Field(default=1, ge=1, description="How many.")
    key: SecretStr | None = Field(default=None, min_length=8, description="Key.")

class Needy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    url: str = Field(description="Where events go.")

class Detector:
    Options = Options

class Sink:
    Options = Needy

class Bare:
    pass
"""
KNOWN = "cameras, stages, rules, sinks, governor, integrity, retention, store, out, supervisor, metrics, logs, links"
RULES = f"{', '.join(sorted(registry.RULES))}, or package.module:Class"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a clip and a module of the user's own kinds."""
    (tmp_path / "clip.mp4").write_bytes(b"")
    (tmp_path / "own_kinds.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(text: str, *overrides: str, environment: dict[str, str] | None = None) -> list[str]:
    Path("x.yml").write_text(text)
    with pytest.raises(UsageError) as caught:
        load("x.yml", overrides=overrides, environment=environment or {})
    return str(caught.value).splitlines()


def loaded(text: str, *overrides: str, environment: dict[str, str] | None = None) -> PipelineConfig:
    Path("x.yml").write_text(text)
    return load("x.yml", overrides=overrides, environment=environment or {}).config


CAMERA = "cameras: {gate: {source: clip.mp4}}\n"

BAD = {
    "empty file": ("", ["x.yml:1:1: is empty"]),
    "a list": ("- a\n", ["x.yml:1:1: must be a mapping of keys, not a list"]),
    "a tab": (
        "cameras:\n\tgate: x\n",
        [
            "x.yml:2:1: cannot be read as YAML: found character '\\\\t' that cannot start any token "
            "(tabs cannot indent: use spaces)"
        ],
    ),
    "no cameras": ("out: x\n", ["x.yml:1:1: cameras: name at least one camera: cameras: {gate: {source: rtsp://...}}"]),
    "duplicate keys": (
        "cameras:\n  gate: {source: clip.mp4}\n  gate: {source: clip.mp4}\nout: a\nout: b\n",
        [
            "x.yml:3:3: cameras.gate: is given twice, first in line 2: remove one",
            "x.yml:5:1: out: is given twice, first in line 4: remove one",
        ],
    ),
    "unknown top-level key": (
        CAMERA + "rule: []\n",
        [f"x.yml:2:1: rule: unknown key, did you mean 'rules'? allowed: {KNOWN}"],
    ),
    "caps and windows of the governor that make no sense": (
        CAMERA + "governor:\n  enabled: true\n  per_rule: 0\n  window_s: -5\n  merge_distanse: 0.1\n",
        [
            "x.yml:4:13: governor.per_rule: must be at least 1 and at most 10000, got 0",
            "x.yml:5:13: governor.window_s: must be more than 0 and at most 604800, got -5",
            "x.yml:6:3: governor.merge_distanse: unknown key, did you mean 'merge_distance'? allowed: enabled, "
            "merge_s, merge_distance, episode_s, cooldown_s, update_s, window_s, per_rule, per_camera, per_site, "
            "digest_s",
        ],
    ),
    "an episode that is over before anything could be merged": (
        CAMERA + "governor:\n  enabled: true\n  merge_s: 1h\n",
        ["x.yml:2:1: governor: episode_s (900) must be at least merge_s (3600)"],
    ),
    "unknown kind": (
        CAMERA + "stages:\n  detect: {kind: moton}\n",
        [
            "x.yml:3:18: stages.detect.kind: unknown kind 'moton', did you mean 'motion'? "
            f"allowed: {', '.join(sorted(registry.DETECTORS))}, or package.module:Class"
        ],
    ),
    "unknown rule": (
        CAMERA + "rules:\n- rule: in_feild\n",
        [f"x.yml:3:9: rules.0.rule: unknown kind 'in_feild', did you mean 'in_field'? allowed: {RULES}"],
    ),
    "a rule without its kind": (
        CAMERA + "rules:\n- kind: in_field\n",
        [f"x.yml:3:3: rules.0.rule: is required (did you mean that by 'kind'?); allowed: {RULES}"],
    ),
    "a timeout without its unit": (
        CAMERA + "stages:\n  detect:\n    kind: own_kinds:Detector\n    timeout: 5\n",
        [
            "x.yml:5:5: stages.detect.timeout: unknown key, did you mean 'open_timeout_s' or 'read_timeout_s'? "
            "allowed: kind, workers, open_timeout_s, read_timeout_s, count, key"
        ],
    ),
    "another unit": (
        CAMERA + "stages:\n  detect:\n    kind: own_kinds:Detector\n    open_timeout_ms: 500\n",
        [
            "x.yml:5:5: stages.detect.open_timeout_ms: unknown key, did you mean 'open_timeout_s'? "
            "allowed: kind, workers, open_timeout_s, read_timeout_s, count, key"
        ],
    ),
    "out of bounds, in the user's unit": (
        CAMERA + "stages:\n  detect: {kind: own_kinds:Detector, open_timeout_s: 2 min, workers: 0}\n",
        [
            "x.yml:3:54: stages.detect.open_timeout_s: must be more than 0 and at most 60, got 120",
            "x.yml:3:70: stages.detect.workers: must be at least 1 and at most 64, got 0",
        ],
    ),
    "no duration": (
        CAMERA + "stages:\n  detect: {kind: own_kinds:Detector, open_timeout_s: soon}\n",
        [
            "x.yml:3:54: stages.detect.open_timeout_s: must be a valid number, got 'soon' "
            "(allowed: more than 0 and at most 60; write 30, '30s', '500ms' or '2 min')"
        ],
    ),
    "a secret that does not fit": (
        CAMERA + "stages:\n  detect: {kind: own_kinds:Detector, key: hunter2}\n",
        ["x.yml:3:43: stages.detect.key: must have at least 8 characters, got another value"],
    ),
    "a class without options": (
        CAMERA + "stages:\n  detect: {kind: own_kinds:Bare}\n",
        [
            "x.yml:3:18: stages.detect.kind: "
            "kind 'own_kinds:Bare' has no class attribute Options that is a pydantic model"
        ],
    ),
    "a module that is absent": (
        CAMERA + "stages:\n  detect: {kind: absent_module:Bare}\n",
        [
            "x.yml:3:18: stages.detect.kind: kind 'absent_module:Bare' cannot be loaded from 'absent_module:Bare': "
            "No module named 'absent_module'"
        ],
    ),
    "what is to be kept": (
        CAMERA + "stages: {record: {reserve_mb: 2000}}\nintegrity: {enabled: false}\nretention:\n  free_gb: 2\n"
        "  cameras: {gaet: {most_gb: 4}}\n",
        [
            "x.yml:4:1: retention: what is deleted is said in the chain of evidence: say integrity.enabled: true",
            "x.yml:5:12: retention.free_gb: must be at least 2.2: at reserve_mb (2000) recording stops till a tenth "
            "more is free",
            "x.yml:6:13: retention.cameras.gaet: no camera 'gaet', did you mean 'gate'? allowed: gate",
        ],
    ),
    "a severity that there is not": (
        CAMERA + "retention: {severity_days: {hgh: 3}}\n",
        [
            "x.yml:2:34: retention.severity_days.hgh: must be 'low', 'medium', 'high' or 'critical', got 'hgh', did "
            "you mean 'high'?"
        ],
    ),
    "what is recorded": (
        CAMERA + "stages:\n  record:\n  - {pre_rol_s: 3, mode: sometimes}\n  - {cameras: [gaet]}\n  - {}\n  - {}\n",
        [
            "x.yml:4:6: stages.record.0.pre_rol_s: unknown key, did you mean 'pre_roll_s'? allowed: cameras, source, "
            "mode, connection, pre_roll_s, post_roll_s, most_s, segment_s, reserve_mb, ring_mb, most_clips, quality, "
            "unmasked",
            "x.yml:4:26: stages.record.0.mode: must be 'events', 'continuous' or 'off', got 'sometimes'",
            "x.yml:5:16: stages.record.1.cameras.0: no camera 'gaet', did you mean 'gate'? allowed: gate",
            "x.yml:7:5: stages.record.3.cameras: gate is recorded by another item already",
        ],
    ),
    "connections": (
        "cameras:\n  desk: {source: 0}\n  gate: {source: 'rtsp://192.0.2.1/a'}\n"
        "  yard: {source: usb:1, masks: [[[0, 0], [1, 0], [1, 1]]]}\nstages:\n  record:\n"
        "  - {cameras: [desk], connection: own}\n"
        "  - {cameras: [gate], connection: shared, source: 'rtsp://192.0.2.1/b'}\n"
        "  - {cameras: [yard], unmasked: true}\n",
        [
            "x.yml:7:35: stages.record.0.connection: desk can be opened once only: say connection: shared",
            "x.yml:8:51: stages.record.1.source: has a connection of its own: leave it out, or say connection: own",
            "x.yml:9:33: stages.record.2.unmasked: the frames of yard are masked before they are shared; only "
            "connection: own has others",
        ],
    ),
    "classifiers": (
        CAMERA + "stages:\n  classify:\n"
        "  - {kind: color}\n"
        "  - {kind: colour, midle: 1, min_px: 0, delay_s: soon}\n"
        "  - {kind: colour, name: twice, cameras: [gaet]}\n"
        "  - {kind: colour, name: twice}\n"
        "  - {kind: colour, name: twice}\n"
        "  - {name: 'of wheels', kind: colour}\n",
        [
            "x.yml:4:12: stages.classify.0.kind: unknown kind 'color', did you mean 'colour'? allowed: behaviour, "
            "colour, crops, few_shot, or package.module:Class",
            "x.yml:5:20: stages.classify.1.midle: unknown key, did you mean 'middle'? allowed: kind, name, workers, "
            "cameras, classes, delay_s, every_s, settled_every_s, min_px, middle",
            "x.yml:5:38: stages.classify.1.min_px: must be at least 1 and at most 4096, got 0",
            "x.yml:5:50: stages.classify.1.delay_s: must be a valid number, got 'soon' (allowed: more than 0 and at "
            "most 60; write 30, '30s', '500ms' or '2 min')",
            "x.yml:6:43: stages.classify.2.cameras.0: no camera 'gaet', did you mean 'gate'? allowed: gate",
            "x.yml:8:26: stages.classify.4.name: 'twice' is the name of stages.classify.3 already: give each its own",
            "x.yml:9:12: stages.classify.5.name: must match pattern '^[A-Za-z0-9_]*$', got 'of wheels'",
        ],
    ),
    "what rules want classifiers to say": (
        CAMERA + "stages: {classify: {kind: colour}}\nrules:\n"
        "- {rule: in_field, name: a, attributes: {color: red}}\n"
        "- {rule: in_field, name: b, attributes: {colour: [red, gren]}}\n"
        "- {rule: in_field, name: c, behaviour: {fight: 0.8}}\n"
        "- {rule: behaviour, name: d, shows: fight}\n",
        [
            "x.yml:4:42: rules.0.attributes.color: no classifier 'color', did you mean 'colour'? allowed: colour",
            "x.yml:5:50: rules.1.attributes.colour: 'colour' is never 'gren', did you mean 'green'? allowed: black, "
            "white, grey, red, orange, brown, yellow, green, blue, purple, pink",
            "x.yml:6:41: rules.2.behaviour.fight: no behaviour classifier looks at gate: add one under "
            "stages.classify, kind: behaviour",
            "x.yml:7:4: rules.3.rule: no behaviour classifier looks at gate: add one under stages.classify, "
            "kind: behaviour",
        ],
    ),
    "attributes without classifiers": (
        CAMERA + "rules:\n- {rule: in_field, attributes: {colour: red}}\n",
        [
            "x.yml:3:33: rules.0.attributes.colour: there is no classifier that could say so: add one under "
            "stages.classify",
        ],
    ),
    "camera names and sources": (
        "cameras:\n  back yard: {source: clip.mp4}\n  gate: {source: clop.mp4}\n  road: {source: no/clip.mp4}\n",
        [
            "x.yml:2:3: cameras.back yard: a camera's name has 1 to 64 letters, digits, '_' or '-'",
            "x.yml:3:18: cameras.gate.source: no such file: DIR/clop.mp4, did you mean 'clip.mp4'?",
            "x.yml:4:18: cameras.road.source: no such file: DIR/no/clip.mp4, there is no folder DIR/no",
        ],
    ),
    "rules for cameras that are not there": (
        CAMERA + "rules:\n- {rule: in_field, cameras: [gatt]}\n- {rule: in_field, cameras: gate}\n",
        [
            "x.yml:3:30: rules.0.cameras.0: no camera 'gatt', did you mean 'gate'? allowed: gate",
            "x.yml:4:29: rules.1.cameras: must be a valid tuple, got 'gate'",
        ],
    ),
    "rules of the same name": (
        CAMERA + "rules:\n- {rule: in_field, name: a}\n- {rule: loitering, name: a}\n",
        ["x.yml:4:27: rules.1.name: 'a' is the name of rules.0 already, on the same camera: give each its own"],
    ),
    "a line rule without a line": (
        CAMERA + "rules:\n- rule: line_crossed\n",
        ["x.yml:3:3: rules.0.line: is required: First and second point of the line, as shares of the picture."],
    ),
    "sinks": (
        CAMERA
        + "sinks:\n- {kind: own_kinds:Sink}\n- {kind: own_kinds:Sink, url: a}\n- {kind: own_kinds:Sink, url: a}\n",
        [
            "x.yml:3:3: sinks.0.url: is required: Where events go.",
            "x.yml:5:31: sinks.2.url: is where sinks.1 writes already",
        ],
    ),
    "a sink that filters by an unknown rule": (
        CAMERA + "rules:\n- {rule: in_field, name: lawn}\nsinks:\n- {kind: jsonl, path: a, rules: [lown]}\n",
        ["x.yml:5:34: sinks.0.rules.0: no rule 'lown', did you mean 'lawn'? allowed: lawn, in_field"],
    ),
    "plain tcp off loopback": (
        CAMERA + "links:\n  endpoint: tcp://192.0.2.1:5555\n",
        [
            "x.yml:2:1: links: tcp://192.0.2.1:5555 is not encrypted: "
            "give keys_dir (`bartizan keys`), or say insecure: true"
        ],
    ),
    "out is a file": (CAMERA + "out: clip.mp4\n", ["x.yml:2:6: out: clip.mp4 is a file: name a folder"]),
    "wrong shapes": (
        "cameras: [gate]\nstages: 5\nrules: {}\nout: []\n",
        [
            "x.yml:1:10: cameras: must be a mapping of keys, not a list",
            "x.yml:2:9: stages: must be a mapping of keys, not a number",
            "x.yml:3:8: rules: must be a list (lines that begin with '-'), not a mapping",
            "x.yml:4:6: out: must be the path of a folder, not a list",
        ],
    ),
    "unset variables and secrets": (
        "cameras:\n  gate: {source: 'rtsp://u:${GATE_PW}@h/s'}\nout: !secret OUT\nlogs: {level: '${LEVEL'}\n",
        [
            "x.yml:2:18: cameras.gate.source: environment variable GATE_PW is not set; "
            "set it or write ${GATE_PW:-default}",
            "x.yml:3:6: out: secret 'OUT' is not set; add it to secrets.yml or set BARTIZAN_SECRET_OUT",
            "x.yml:4:15: logs.level: '${LEVEL' is no reference: write ${NAME}, ${NAME:-default} or, literally, $${",
        ],
    ),
    "an unquoted reference in braces": (
        "cameras: {gate: {source: ${CLIP}}}\n",
        [
            "x.yml:1:27: cannot be read as YAML: expected ',' or '}', but got '{' "
            "(inside { } or [ ] a ${NAME} needs quotes)"
        ],
    ),
    "an anchor in itself": ("cameras: &a {gate: *a}\n", ["x.yml:1:10: cameras.gate: an anchor cannot contain itself"]),
    "a foreign tag": (
        CAMERA + "out: !!binary aGk=\n",
        ["x.yml:2:6: out: unknown tag 'tag:yaml.org,2002:binary': only !secret NAME is known"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_every_fault_is_told_in_one_line_with_its_place(case: str, folder: Path) -> None:
    text, expected = BAD[case]
    assert lines(text) == [line.replace("DIR", str(folder)) for line in expected]


def test_an_override_is_told_by_its_argument(folder: Path) -> None:
    told = lines(CAMERA, "logs.level=loud", "rules.5.name=x", "nonsense", "cameras.gate.source.x=1")
    assert told[:3] == [
        "--set rules.5.name: rules.5: cannot be set, what it belongs to is a list of 0: count from 0",
        "--set: 'nonsense' must be KEY=VALUE, such as cameras.gate.fps=5",
        "--set cameras.gate.source.x: cameras.gate.source.x: cannot be set, what it belongs to is text",
    ]
    assert lines(CAMERA, "logs.level=loud") == [
        "--set logs.level: logs.level: must be 'debug', 'info', 'warning' or 'error', got 'loud'"
    ]


def test_an_override_replaces_values_in_mappings_and_lists(folder: Path) -> None:
    text = CAMERA + "rules:\n- {rule: in_field, zone: [[0, 0], [1, 0], [1, 1]]}\nlogs: {level: warning}\n"
    config = loaded(
        text, "rules.0.name=lawn", "rules.1={rule: loitering, seconds: 20s}", "logs.level=debug", "cameras.gate.fps=5",
        "stages.detect.workers=3", "out=elsewhere",
    )  # fmt: skip
    assert [rule.name for rule in config.rules] == ["lawn", "loitering"]
    assert config.rules[1].options.model_dump()["seconds"] == 20
    assert (config.logs.level, config.detect.workers, config.out) == ("debug", 3, Path("elsewhere"))
    assert config.cameras["gate"].model_dump()["fps"] == 5


def test_values_come_from_the_environment_and_from_secrets(folder: Path) -> None:
    Path("secrets.yml").write_text("HOOK: from-the-file\n")
    text = (
        "cameras: {gate: {source: 'rtsp://${USER_NAME:-viewer}:${PW}@host/s', fps: '${FPS}'}}\n"
        "sinks:\n- {kind: webhook, url: http://h/x, secret: !secret HOOK}\n"
        "- {kind: webhook, name: b, url: http://h/y, secret: !secret OTHER}\n"
    )
    environment = {"PW": "p4ssw0rd", "FPS": "5", "BARTIZAN_SECRET_OTHER": "from-the-environment"}
    config = loaded(text, environment=environment)
    assert config.cameras["gate"].model_dump()["source"] == "rtsp://viewer:p4ssw0rd@host/s"
    assert config.cameras["gate"].model_dump()["fps"] == 5
    assert [sink.options.model_dump()["secret"].get_secret_value() for sink in config.sinks] == [
        "from-the-file",
        "from-the-environment",
    ]


def test_a_wrong_value_from_the_environment_is_not_shown(folder: Path) -> None:
    told = lines("cameras: {gate: {source: clip.mp4, fps: '${RATE}'}}\n", environment={"RATE": "confidential"})
    assert len(told) == 1
    assert "got the value of ${RATE}" in told[0]
    assert "confidential" not in told[0]


def test_a_secret_given_where_it_does_not_fit_is_not_shown(folder: Path) -> None:
    told = lines(CAMERA + "logs: {level: !secret LEVEL}\n", environment={"BARTIZAN_SECRET_LEVEL": "confidential"})
    assert told == [
        "x.yml:2:15: logs.level: must be 'debug', 'info', 'warning' or 'error', got the value of !secret LEVEL"
    ]


def test_anchors_and_merge_keys_work_and_own_keys_win(folder: Path) -> None:
    text = "x-base: &base {source: clip.mp4, fps: 5}\ncameras:\n  a: *base\n  b:\n    <<: *base\n    fps: 7\n"
    config = loaded(text)
    assert [options.model_dump()["fps"] for options in config.cameras.values()] == [5, 7]


def test_yes_and_no_are_text_as_yaml_1_2_says(folder: Path) -> None:
    assert loaded("cameras: {no: {source: clip.mp4}, yes: {source: clip.mp4}}\n").cameras.keys() == {"no", "yes"}


def test_paths_of_a_file_start_from_its_folder_and_those_of_arguments_from_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "inner.mp4").write_bytes(b"")
    (folder / "deep" / "x.yml").write_text("cameras: {a: {source: inner.mp4}, b: {source: ../clip.mp4}}\nout: here\n")
    config = load_config("deep/x.yml", ["cameras.b.source=deep/inner.mp4"])
    sources = [options.model_dump()["source"] for options in config.cameras.values()]
    assert sources == [str(folder / "deep" / "inner.mp4")] * 2
    assert config.out == Path("here")


def test_a_missing_file_names_its_neighbour(folder: Path) -> None:
    (folder / "gate.yml").write_text(CAMERA)
    with pytest.raises(UsageError, match=r"^gete\.yml: no such file, did you mean 'gate\.yml'\?$"):
        load_config("gete.yml")


def test_safe_mode_leaves_out_what_is_wrong_and_says_so(folder: Path) -> None:
    Path("x.yml").write_text(
        "cameras: {good: {source: clip.mp4}, bad: {source: none.mp4}}\n"
        "rules:\n- {rule: in_field, cameras: [bad]}\n- {rule: in_field, name: both}\n- {rule: nonsense}\n"
        "sinks:\n- {kind: jsonl}\n- {kind: jsonl, path: a}\n"
    )
    result = load("x.yml", safe=True)
    assert list(result.config.cameras) == ["good"]
    assert [(rule.name, rule.cameras) for rule in result.config.rules] == [("both", ("good",))]
    assert len(result.config.sinks) == 1
    assert [str(fault).partition(": ")[0] for fault in result.faults] == [
        "x.yml:1:51",
        "x.yml:3:3",
        "x.yml:5:10",
        "x.yml:7:3",
    ]


def test_safe_mode_refuses_what_cannot_run_at_all(folder: Path) -> None:
    Path("x.yml").write_text("cameras: {bad: {source: none.mp4}}\n")
    with pytest.raises(UsageError, match="cameras: none of them is valid"):
        load("x.yml", safe=True)
    Path("x.yml").write_text(CAMERA + "stages: {detect: {kind: nonsense}}\n")
    with pytest.raises(UsageError, match="unknown kind 'nonsense'"):
        load("x.yml", safe=True)


def test_a_configuration_survives_its_way_into_a_child(folder: Path) -> None:
    text = (
        "cameras: {b: {source: 'rtsp://u:pw@h/s', fps: 5}, a: {source: clip.mp4}}\n"
        "rules:\n- {rule: line_crossed, line: [[0, 0], [1, 1]], cameras: [a]}\n"
        "- {rule: loitering, schedule: {days: [mon], hours: '22:00-06:00', timezone: UTC}}\n"
        "sinks: [{kind: webhook, url: http://h/x, secret: sesame-sesame, headers: {A: bbbb}}]\n"
        "stages: {detect: {kind: own_kinds:Detector, key: sesame-sesame}, dispatch: {slots: 20}}\n"
    ).replace(", timezone: UTC", "")
    config = loaded(text)
    again = PipelineConfig.from_spec(config.to_spec())
    assert again == config
    assert list(again.cameras) == ["b", "a"]


def test_defaults_are_the_detector_that_ships_and_any_object_anywhere(folder: Path) -> None:
    config = loaded(CAMERA)
    assert (config.detect.kind, config.detect.workers) == ("yolo", 1)
    assert [(rule.kind, rule.name, rule.cameras) for rule in config.rules] == [("in_field", "in_field", ("gate",))]
    assert config.out == Path("results")


def test_rules_without_a_name_get_one_each(folder: Path) -> None:
    config = loaded(CAMERA + "rules: [{rule: in_field}, {rule: in_field}, {rule: in_field, name: in_field-2}]\n")
    assert [rule.name for rule in config.rules] == ["in_field", "in_field-3", "in_field-2"]


SECTIONS = ["cameras", "stages", "rules", "sinks", "out", "governor", "links", "logs", "metrics"]
INNER = ["detect", "track", "alert", "dispatch", "kind", "rule", "name", "source", "fps", "gate", "masks", "workers"]
KEYS = st.sampled_from([*SECTIONS, *INNER, "zone", "line", "url", "path", "0", "x-a"])
NAMES = [
    "motion",
    "yolo",
    "in_field",
    "line_crossed",
    "jsonl",
    "webhook",
    "clip.mp4",
    "a:b",
    "rtsp://a:b@c",
    "${",
    "5s",
]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 99), st.floats(), st.text(max_size=5), st.sampled_from(NAMES)
)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
ITEMS = st.lists(st.dictionaries(KEYS, TREES, max_size=4), max_size=3)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    data=st.dictionaries(st.sampled_from(SECTIONS), TREES | ITEMS | st.dictionaries(KEYS, TREES), max_size=5),
    override=st.text("cameras.gate0=[]{}:$ ", max_size=12),
    safe=st.booleans(),
)
def test_any_tree_is_read_or_refused_with_a_place_in_every_line(
    data: dict[str, Any], override: str, safe: bool, folder: Path
) -> None:
    Path("x.yml").write_text(json.dumps(data))
    told = ["x.yml"]
    try:
        load("x.yml", overrides=[override] if override else [], safe=safe, environment={})
    except UsageError as error:
        told = str(error).splitlines()
    assert all(line.startswith(("x.yml", "--set")) for line in told)


def test_a_rule_that_cannot_do_without_people_is_refused_where_the_detector_leaves_them_out(folder: Path) -> None:
    text = """cameras: {gate: {source: clip.mp4}}
stages: {detect: {model: bartizan-n, classes: [backpack]}}
rules: [{rule: abandoned_object}]
"""
    problem = "cannot do without person, which stages.detect.classes leaves out: add it there"
    assert lines(text) == [f"x.yml:3:16: rules.0.rule: {problem}"]
    motion = text.replace("model: bartizan-n, classes: [backpack]", "kind: motion")
    assert lines(motion)[0].endswith("cannot do without person, which the motion detector does not know")
    assert loaded(text.replace("[backpack]", "[backpack, person]"))
    assert loaded(text.replace(", classes: [backpack]", ""))
