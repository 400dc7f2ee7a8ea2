"""The documentation tells the truth: its links lead somewhere, its YAML loads, its commands exist, its code runs."""

import csv
import re
import shlex
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import certifi
import numpy as np
import pytest
import typer

from lab.normal.keeping import keep
from lab.settings import LabSettings
from lab.settings import load as load_lab
from lab.train.behaviour.settings import BehaviourSettings
from lab.train.classify.settings import ClassifySettings
from lab.train.detect.settings import DetectSettings
from pipeline.clock import SECOND
from pipeline.configuration.loading import load
from pipeline.registry import COMMANDS, resolve
from stages.alert.normal.calibration import Calibration
from stages.alert.normal.counting import Segment
from stages.alert.normal.fitting import fit
from stages.alert.normal.store import Footage
from tests.e2e.running import run_to_end
from tests.servers.clips import write_clip
from tests.stages.alert.normal.conftest import walkers

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "sample_videos" / "README.md"])
MOST_BYTES = 150_000

CAMERAS = """
cameras:
  gate: {source: recordings/gate.mp4}
  yard: {source: recordings/yard.mp4}
"""
"""What a fragment without cameras belongs to."""
SECRETS = {
    "GATE_PASSWORD": "swordfish",
    "DB_PASSWORD": "plugh-xyzzy",
    "BARTIZAN_SECRET_HOOK": "xyzzy-plugh",
    "BARTIZAN_SECRET_HOOK_URL": "https://alerts.example.org/xyzzy",
    "BARTIZAN_SECRET_GUARD_MAIL": "mailtos://user:xyzzy-plugh@mail.example.org?to=guard@example.org",
}
FILES = ("recordings/gate.mp4", "recordings/yard.mp4", "models/people.pt", "models/fights", "models/falls")


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", page.read_text(), re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(text) for _, text in found]


def named(page: Path, language: str) -> Iterator[tuple[str, str]]:
    name = str(page.relative_to(ROOT))
    yield from ((f"{name} {number}", text) for number, text in enumerate(blocks(page, language), start=1))


LABORATORY: dict[str, type[LabSettings]] = {
    "start": DetectSettings,
    "candidates": BehaviourSettings,
    "attribute": ClassifySettings,
}
"""What a file with that key says how to train."""
YAML = dict(pair for page in PAGES for pair in named(page, "yaml"))
SHELL = dict(pair for page in PAGES for pair in named(page, "sh"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the documentation takes for granted: recordings, weights, and the classes of extending.md."""
    folder = tmp_path_factory.mktemp("docs")
    for name in FILES:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    (folder / "certificates").mkdir()
    shutil.copy(certifi.where(), folder / "certificates" / "ca.pem")
    for text in blocks(ROOT / "docs" / "guide" / "extending.md", "python"):
        title = re.match(r"# (\w+\.py)\n", text)
        assert title is not None, text[:60]
        (folder / title[1]).write_text(text)
    normal = Segment(np.arange(600) * (SECOND // 10), np.zeros(600))
    footage = Footage(seconds=60.0, clips=1, frames=600, tracks=5, fps=10.0)
    keep(folder / "normal" / "gate", "gate", fit([walkers(0, frames=20)]), Calibration.of([normal]), footage)
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL))
    files = [target.partition("#")[0] for target in targets if "://" not in target]
    assert [file for file in files if file and not (page.parent / file).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_names_a_folder_of_somebodys_machine(page: Path) -> None:
    assert re.findall(r"(?:/home/|/root/|/work/|/Users/|/tmp/)\S*", page.read_text()) == []


def test_pictures_are_small_and_used() -> None:
    text = "".join(page.read_text() for page in PAGES)
    for picture in (ROOT / "docs" / "images").iterdir():
        assert picture.stat().st_size < MOST_BYTES
        assert picture.name in text


@pytest.mark.parametrize("text", YAML.values(), ids=YAML)
def test_yaml_loads(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.chdir(folder)  # files of sinks start from where one is
    file = folder / "config.yml"
    for key, settings in LABORATORY.items():
        if re.search(rf"^{key}:", text, re.MULTILINE):
            file.write_text(text)
            assert load_lab(file, settings)
            return
    file.write_text(text if re.search(r"^cameras:", text, re.MULTILINE) else CAMERAS + text)
    assert load(file, environment=SECRETS).config.cameras


@pytest.mark.parametrize("file", sorted((ROOT / "configs" / "lab").rglob("*.yml")), ids=lambda file: file.stem)
def test_examples_of_the_laboratory_load(file: Path) -> None:
    key = next(key for key in LABORATORY if re.search(rf"^{key}:", file.read_text(), re.MULTILINE))
    assert load_lab(file, LABORATORY[key])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_holds_a_merge_that_was_not_finished(page: Path) -> None:
    assert re.findall(r"^(?:<{7}|={7}|>{7})(?: |$)", page.read_text(), re.MULTILINE) == []


@pytest.mark.parametrize("text", SHELL.values(), ids=SHELL)
def test_commands_and_their_options_exist(text: str) -> None:
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if not words or words[0] != "bartizan" or words[1].startswith("-"):
            continue
        command, rest = command_of(words[1:])
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        given = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert given <= known | {"--help"}, line


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words call, and its arguments."""
    found = resolve(words[0], COMMANDS)
    if isinstance(found, typer.Typer):
        group: Any = typer.main.get_command(found)
        rest = words[1:]
        while hasattr(group, "commands"):
            group, rest = group.commands[rest[0]], rest[1:]
        return group, rest
    single = typer.Typer()
    single.command()(found)
    return typer.main.get_command(single), words[1:]


def test_kinds_of_the_users_own_run_together(folder: Path) -> None:
    write_clip(folder / "recordings" / "yard.mp4", frames=40, source="synthetic:160x120@10?boxes=1")
    (folder / "mine.yml").write_text(blocks(ROOT / "docs" / "guide" / "extending.md", "yaml")[-1])
    (folder / "results").mkdir()
    run = run_to_end(["run", "mine.yml"], folder / "results" / "mine", cwd=folder)
    assert {event["name"] for event in run.events()} == {"a light", "many lights"}
    assert {event["object"]["class"] for event in run.events() if event["object"]} == {"lamp"}
    with (folder / "events.csv").open(newline="") as file:
        assert [row[0] for row in csv.reader(file)] == [event["message_id"] for event in run.events()]
