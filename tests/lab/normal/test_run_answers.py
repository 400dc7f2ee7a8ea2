"""What the classifiers of a run said is learned from with its log."""

from pathlib import Path

import numpy as np

from lab.normal.observe import observe_records
from lab.normal.run_answers import RunAnswers
from pipeline.journal.answers import AnswersWriter
from pipeline.messages import SCHEMA, Answer, AnswersHeader
from tests.pipeline.rehearsal.stored_run import LAWN, SCRIPT, colour, kept_of, spec_of, store_run

GATE = {"gate": False}


def test_scores_of_behaviour_reach_the_objects_that_they_are_of(tmp_path: Path) -> None:
    kept = kept_of(LAWN, cameras=GATE, classify=(colour("gate"),))
    store_run(tmp_path, kept, {"gate": SCRIPT})
    path = spec_of(tmp_path, ["gate"]).answers_path("gate", "colour", 0)
    path.unlink()
    names = ["calm", "fight"]
    header = AnswersHeader(SCHEMA, "gate", "colour", kept.sha256, {"name": "x"}, names, frames=2, fps=5.0)
    journal = AnswersWriter.open(path, header)
    for index in range(len(SCRIPT.times())):
        for track in (1, 2):
            journal.append(Answer(index, track, "colour", {"calm": 1 - track / 10, "fight": track / 10}))
    journal.close()
    seen = observe_records(SCRIPT.records(), RunAnswers.of(tmp_path, "gate"))
    told = [frame for frame in seen if frame.behaviour]
    assert len(told) > 20
    scores = {
        (subject, round(score, 3))
        for frame in told
        for subject, score in zip(frame.subject.tolist(), frame.behaviour["fight"].tolist(), strict=True)
        if not np.isnan(score)
    }
    assert {score for _, score in scores} == {0.1, 0.2}
    assert len(scores) == len({subject for subject, _ in scores})
    assert not any(frame.behaviour for frame in observe_records(SCRIPT.records()))


def test_where_nobody_was_asked_there_is_nothing_to_tell(tmp_path: Path) -> None:
    assert RunAnswers.of(tmp_path, "gate") is None
    store_run(tmp_path, kept_of(LAWN, cameras=GATE), {"gate": SCRIPT})
    assert RunAnswers.of(tmp_path, "gate") is None
