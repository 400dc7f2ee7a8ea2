"""The last line of a training run."""

import math
from pathlib import Path

import pytest

from lab.train.verdict import say_verdict


def test_a_gain_is_said_in_one_line_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    say_verdict(Path("out/site.pt"), "weights of epoch 3 of 9", "mAP50-95 on val", reached=0.45, start=0.4)
    said = capsys.readouterr()
    assert said.out == (
        "model: out/site.pt; weights of epoch 3 of 9; mAP50-95 on val 0.4500, +0.0500 against the start (0.4000)\n"
    )
    assert not said.err


@pytest.mark.parametrize("reached", [0.4, 0.3, math.nan])
def test_no_gain_is_warned_of(reached: float, capsys: pytest.CaptureFixture[str]) -> None:
    say_verdict(Path("out/site.pt"), "epoch 0 of 9", "mAP50-95 on val", reached=reached, start=0.4)
    assert capsys.readouterr().err.startswith("warning: nothing was gained: site.pt (epoch 0 of 9)")
