"""The findings of a check as a page with the pictures they speak of, to be looked at before anything is deleted."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from lab.dataset.check import Checked
from lab.dataset.finding import Finding, Kind, Severity
from lab.dataset.labelled import Dataset, LabelledImage
from lab.detector import read_picture
from lab.report.page import Page, Picture
from pipeline.errors import UsageError

MOST_SHOWN = 9
"""Pictures shown of each kind."""
LONGER_PX = 480
GREEN, ORANGE = (115, 158, 0), (0, 94, 213)
"""BGR: what is labelled, and what is meant."""


def write_page(checked: Checked, dataset: Dataset, folder: Path) -> Path:
    """Write ``folder/report.html``. Raises ``OSError``."""
    pictures, boxes = sum(checked.pictures.values()), sum(map(len, dataset))
    page = Page(
        "What is wrong with this data set", f"{pictures} pictures, {boxes} boxes, {len(dataset.names)} classes."
    )
    page.section("Classes").table(
        ["", *checked.pictures],
        [["pictures", *checked.pictures.values()]]
        + [
            [name, *(counts[number] for counts in checked.balance.values())]
            for number, name in enumerate(dataset.names)
        ],
        "Boxes of each class in each split",
    )
    groups: dict[Kind, list[Finding]] = defaultdict(list)
    for each in checked.findings:
        groups[each.kind].append(each)
    if not groups:
        page.note("Nothing was found.", "good")
    by_path = {str(image.path): image for image in dataset}
    for kind, found in sorted(groups.items(), key=lambda group: (group[0].severity, -len(group[1]))):
        page.section(f"{kind.name}: {len(found)}")
        page.note(f"{kind.severity}: {kind.advice}", "bad" if kind.severity is Severity.ERROR else "warn")
        shown = list(_shown(_one_of_each_picture(found), by_path))
        if shown:
            page.text("Green: labelled. Orange, thick: what is meant.").pictures(shown, longest_px=2 * LONGER_PX)
        else:
            page.table(["where", "what"], [[each.where, each.what] for each in found[:MOST_SHOWN]])
    return page.write(folder / "report.html")


def _one_of_each_picture(found: Iterable[Finding]) -> list[Finding]:
    return list({each.where: each for each in reversed(list(found))}.values())[::-1]


def _shown(found: list[Finding], by_path: Mapping[str, LabelledImage]) -> Iterator[tuple[Picture, str]]:
    for each in [one for one in found if one.where in by_path][:MOST_SHOWN]:
        picture = _drawn(by_path[each.where], each)
        if picture is None:
            continue
        if each.beside in by_path and (other := _drawn(by_path[each.beside], None)) is not None:
            height = min(picture.shape[0], other.shape[0])
            picture = np.concatenate([picture[:height], np.zeros((height, 4, 3), np.uint8), other[:height]], axis=1)
        yield picture, f"{Path(each.where).name}: {each.what.replace(each.beside, Path(each.beside).name)}"


def _drawn(image: LabelledImage, each: Finding | None) -> Picture | None:
    import cv2

    try:
        pixels = read_picture(image.path)
    except UsageError:
        return None
    scale = LONGER_PX / max(pixels.shape[:2])
    size = (max(round(pixels.shape[1] * scale), 1), max(round(pixels.shape[0] * scale), 1))
    small: Picture = np.ascontiguousarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    for box in image.xyxy:
        _rectangle(small, box.tolist(), scale, GREEN, 1)
    if each is not None and each.box is not None and each.box < len(image):
        _rectangle(small, image.xyxy[each.box].tolist(), scale, ORANGE, 3)
    if each is not None and each.spot:
        _rectangle(small, each.spot, scale, ORANGE, 3)
    return small


def _rectangle(picture: Picture, box: Iterable[float], scale: float, colour: tuple[int, int, int], thick: int) -> None:
    import cv2

    left, top, right, bottom = (round(min(max(side * scale, -2), 2 * LONGER_PX)) for side in box)
    cv2.rectangle(picture, (left, top), (right, bottom), colour, thick)
