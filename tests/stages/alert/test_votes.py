"""What an object is, by vote."""

import pytest

from stages.alert.votes import AGREEING, Votes

RED, BLUE = {"red": 0.9, "blue": 0.1}, {"red": 0.1, "blue": 0.9}


def voted(*answers: dict[str, float]) -> Votes:
    votes = Votes()
    for scores in answers:
        votes.add(scores)
    return votes


def test_one_answer_is_not_enough_however_sure() -> None:
    assert voted({"red": 1.0}).value == ""


def test_two_answers_that_agree_are() -> None:
    assert voted(RED, RED).value == "red"


def test_answers_that_contradict_each_other_say_nothing() -> None:
    assert voted(RED, BLUE).value == ""


def test_one_answer_to_the_contrary_changes_nothing() -> None:
    assert voted(RED, RED, RED, BLUE).value == "red"


def test_what_was_said_is_taken_back_when_something_else_is_clearly_ahead() -> None:
    assert voted(RED, RED, *[BLUE] * 5).value == "blue"


def test_near_the_middle_it_does_not_flicker() -> None:
    votes, values = voted(RED, RED, RED), set()
    for number in range(40):
        votes.add({"red": 0.48, "blue": 0.52} if number % 2 else {"red": 0.52, "blue": 0.48})
        values.add(votes.value)
    assert values == {"red"}


def test_it_is_settled_after_five_answers_in_a_row_and_not_after_one_to_the_contrary() -> None:
    votes = voted(RED)
    rows = 0
    while not votes.settled:
        votes.add(RED)
        rows += 1
    assert rows == AGREEING
    votes.add(BLUE)
    assert not votes.settled


def test_unsure_answers_need_company() -> None:
    weak = {"red": 0.4, "blue": 0.3, "green": 0.3}
    assert voted(*[weak] * 20).value == "", "two fifths are no majority"


@pytest.mark.parametrize("scores", [RED, BLUE])
def test_the_share_says_how_sure_it_is(scores: dict[str, float]) -> None:
    assert voted(scores, scores).share == pytest.approx(0.9)
