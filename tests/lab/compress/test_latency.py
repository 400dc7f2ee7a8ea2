from lab.compress.latency import compare


def test_both_are_called_equally_often_in_turn() -> None:
    calls: list[tuple[str, int]] = []
    compare(lambda turn: calls.append(("a", turn)), lambda turn: calls.append(("b", turn)), turns=6)
    assert len(calls) == 2 * 8
    for turn in range(8):
        assert {name for name, at in calls[2 * turn : 2 * turn + 2] if at == turn} == {"a", "b"}
    assert {name for name, _ in calls[::2]} == {"a", "b"}  # neither is always the first


def test_the_slower_one_is_called_slower() -> None:
    found = compare(lambda _: sum(range(100)), lambda _: sum(range(200_000)), turns=9)
    assert found.after_ms > found.before_ms
    assert found.ratio > 2
