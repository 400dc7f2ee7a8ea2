import numpy as np

from lab.evaluate.anomaly.floors import flow_of
from pipeline.stage import Picture


def moving(*, by: int, wide: int = 360, high: int = 240) -> list[Picture]:
    """A textured block on a textured wall, that jumps by so many pixels of the picture a frame."""
    random = np.random.default_rng(1)
    wall = random.integers(90, 110, (high, wide, 3)).astype(np.uint8)
    block = random.integers(0, 255, (high // 3, wide // 6, 3)).astype(np.uint8)
    pictures = []
    for frame in range(5):
        picture = wall.copy()
        left = wide // 4 + by * frame
        picture[high // 3 : high // 3 + len(block), left : left + block.shape[1]] = block
        pictures.append(picture)
    return pictures


def test_what_moves_faster_flows_more_and_what_stands_not_at_all() -> None:
    still, slow, fast = (flow_of(moving(by=by))[1:].mean() for by in (0, 1, 4))
    assert still < 0.05
    assert abs(slow - 1) < 0.3
    assert abs(fast - 4) < 1.0


def test_the_first_frame_of_a_clip_has_no_flow() -> None:
    flow = flow_of(moving(by=4))
    assert flow[0] == 0
    assert len(flow) == 5


def test_larger_pictures_flow_as_small_ones() -> None:
    small, large = flow_of(moving(by=2))[1:].mean(), flow_of(moving(by=4, wide=720, high=480))[1:].mean()
    assert abs(small - large) < 0.6


def test_later_pictures_change_nothing() -> None:
    pictures = moving(by=3)
    assert flow_of(pictures)[:3].tolist() == flow_of(pictures[:3]).tolist()
