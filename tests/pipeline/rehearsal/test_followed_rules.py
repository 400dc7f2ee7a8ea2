"""Rules that follow a model of normal, tried on a run that knew of none: they go by the generation now in use."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab.normal.keeping import keep
from pipeline.clock import SECOND
from pipeline.configuration.kept_analysis import KeptAnalysis
from pipeline.errors import CannotStart
from pipeline.rehearsal.rehearsal import rehearse
from pipeline.rehearsal.window import Window
from stages.alert.normal.calibration import Calibration
from stages.alert.normal.counting import Segment
from stages.alert.normal.fitting import fit
from stages.alert.normal.store import BANK, GENERATIONS, Footage
from tests.pipeline.rehearsal.stored_run import LAWN, SCRIPT, kept_of, store_run
from tests.stages.alert.normal.conftest import Thing, frame, walkers

GATE = {"gate": False}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One generation, of footage with the other kind nearly everywhere."""
    times = np.arange(120) * SECOND
    calibration = Calibration.of([Segment(times, np.random.default_rng(0).exponential(1.0, 120))])
    everywhere = [(x, y) for x in np.arange(0.06, 1, 0.125).tolist() for y in np.arange(0.08, 1, 1 / 6).tolist()]
    crowd = [Thing(x=x, y=y, subject=n, class_id=1) for n, (x, y) in enumerate(everywhere * 10)]
    model = fit([walkers(1, frames=60), [frame(0, crowd)]], names=("car", "person"))
    keep(tmp_path / "gate", "gate", model, calibration, Footage(120.0, 1, 60, 5, 10.0))
    return tmp_path / "gate"


def rare(folder: Path, *, online: bool) -> dict[str, Any]:
    return {"rule": "unseen_class", "normal": folder, "share": 0.999, "online": online}


def test_they_tell_what_rules_tell_that_were_begun_with_that_generation(tmp_path: Path, folder: Path) -> None:
    out = tmp_path / "out"
    store_run(out, kept_of(LAWN, cameras=GATE), {"gate": SCRIPT})
    own = KeptAnalysis.read(out)
    told = {}
    for online in (True, False):
        kept = own.with_rules(kept_of(rare(folder, online=online), cameras=GATE).rules)
        told[online] = rehearse(out, kept, window=Window()).told
    whys = {online: [(event.media_time, event.reason, event.why) for event in told[online]] for online in told}
    assert whys[True] == whys[False] != []


def test_one_that_is_damaged_is_an_error_and_none_is_learning(tmp_path: Path, folder: Path) -> None:
    out = tmp_path / "out"
    store_run(out, kept_of(LAWN, cameras=GATE), {"gate": SCRIPT})
    own = KeptAnalysis.read(out)
    later = own.with_rules(kept_of(rare(tmp_path / "later", online=True), cameras=GATE).rules)
    assert rehearse(out, later, window=Window()).told == []
    (folder / GENERATIONS / "1" / BANK).write_bytes(b"PK")
    damaged = own.with_rules(kept_of(rare(folder, online=True), cameras=GATE).rules)
    with pytest.raises(CannotStart, match=r"camera gate follows what cannot be read: .*digest differs"):
        rehearse(out, damaged, window=Window())
