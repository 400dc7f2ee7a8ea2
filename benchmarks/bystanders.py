"""How many of those whom an event is not about are hidden in its clip, by boxes that people drew.

    python -m benchmarks.bystanders RESULTS GT [--every N]

``RESULTS``: of a run over ``sample_videos/campus.mp4`` with clips, such as that of ``configs/evidence.yml``. ``GT``:
boxes of PETS 2009 S2.L1 view 1 in the format of MOTChallenge 2015, which fit that file frame for frame.

Counted is the middle of the head of each box that lies in the picture as a whole: two fifths of its width, the upper
fifth of its height. It is hidden if nine tenths of it are. *Seen*: a detection or a track of that picture overlaps the
box by half. Boxes that overlap somebody whom the event is about by 0.4 are taken for him. ``--every``: as if only each
Nth of the frames had been analysed, with the same tracks, and it were known who is there however far apart they are.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.clock import SECOND
from pipeline.integrity.blurred_clip import SLACK_S
from pipeline.integrity.clip_moments import clip_moments
from pipeline.messages import Event
from pipeline.store.address import find_address
from pipeline.store.event_store import EventStore
from stages.evidence.blur import Box, iou, pixels_of
from stages.evidence.options import PEOPLE
from stages.evidence.parties import parties
from stages.evidence.whereabouts import MOST_NS, People, Whereabouts

RATE = 10
"""Pictures a second of the file; the marks count them from 1."""
WIDTH, HEIGHT = 768, 576
MARGIN = 0.1
HIDDEN, SEEN, OWN = 0.9, 0.5, 0.4


def marks_of(path: Path) -> dict[int, list[Box]]:
    """Boxes by frame, counted from 0."""
    found: dict[int, list[Box]] = defaultdict(list)
    for line in path.read_text().splitlines():
        frame, _, left, top, wide, high = (float(each) for each in line.split(",")[:6])
        if left >= 0 and top >= 0 and left + wide <= WIDTH and top + high <= HEIGHT:
            found[int(frame) - 1].append((left, top, left + wide, top + high))
    return found


def scaled(boxes: Iterable[Box]) -> list[Box]:
    return [(box[0] * WIDTH, box[1] * HEIGHT, box[2] * WIDTH, box[3] * HEIGHT) for box in boxes]


def hidden_in(found: Whereabouts) -> npt.NDArray[np.bool_]:
    """Which pixels are."""
    picture = np.zeros((HEIGHT, WIDTH), np.bool_)
    wide = [
        (x1 - MARGIN * (x2 - x1), y1 - MARGIN * (y2 - y1), x2 + MARGIN * (x2 - x1), y2 + MARGIN * (y2 - y1))
        for x1, y1, x2, y2 in scaled(found.others)
    ]
    for boxes, is_hidden in ((wide, True), (scaled(found.own), False), (scaled(found.before), True)):
        for box in boxes:
            left, top, right, bottom = pixels_of(box, WIDTH, HEIGHT)
            picture[top:bottom, left:right] = is_hidden
    return picture


def head_of(box: Box) -> tuple[slice, slice]:
    wide, high = box[2] - box[0], box[3] - box[1]
    rows = slice(int(box[1]), int(box[1] + 0.2 * high) + 1)
    return rows, slice(int(box[0] + 0.3 * wide), int(box[0] + 0.7 * wide) + 1)


def count(out: Path, messages: Sequence[Event], marks: dict[int, list[Box]], every: int) -> npt.NDArray[np.int64]:
    """Of one clip: others, those hidden, others seen, those hidden, boxes of its own people, those that show."""
    note = json.loads((out / messages[0].evidence["clip"]).with_suffix(".json").read_text())
    moments = clip_moments(out, messages[0].camera, note)[::every]
    slack_ns, most_ns = round(SLACK_S * SECOND), max(MOST_NS, every * SECOND // RATE)
    people = People(moments, parties(messages), None, people=PEOPLE, slack_ns=slack_ns, most_ns=most_ns)
    total = np.zeros(6, np.int64)
    for number in range(note["frames"]):
        at_ns = number * SECOND // RATE
        found = people.at(at_ns)
        if found is None:
            continue
        seen = min(moments, key=lambda moment: abs(moment.at_ns - at_ns)).around.seen
        hidden, own = hidden_in(found), scaled(found.own)
        for box in marks[round(note["started"] * RATE) + number]:
            share = float(hidden[head_of(box)].mean())
            if any(iou(box, each) >= OWN for each in own):
                total[4:] += (1, share < 1 - HIDDEN)
                continue
            total[:2] += (1, share > HIDDEN)
            if any(iou(box, each.box_px) >= SEEN for each in seen):
                total[2:4] += (1, share > HIDDEN)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("gt", type=Path)
    parser.add_argument("--every", type=int, default=1)
    chosen = parser.parse_args()
    events: dict[str, list[Event]] = defaultdict(list)
    with EventStore.open(find_address(chosen.results), analysis_sha256=None) as store:
        for stored in store.events("commit"):
            events[stored.event.id].append(stored.event)
    marks = marks_of(chosen.gt)
    total = sum((count(chosen.results, each, marks, chosen.every) for each in events.values()), np.zeros(6, np.int64))
    for text, of, done in (("others", 0, 1), ("others that were seen", 2, 3)):
        print(f"{text}: {total[done]} of {total[of]} heads hidden, {total[done] / max(total[of], 1):.2%}")
    print(f"those whom events are about: {total[5]} of {total[4]} heads shown, {total[5] / max(total[4], 1):.2%}")


if __name__ == "__main__":
    main()
