"""Does ``bartizan evaluate anomaly`` hold on scenes that are seen differently? Proxies, made of UCSD Ped2.

    python -m benchmarks.anomaly_proxies --work DIR [--only small,perspective] [--keep]

No second scene with labels is at hand, so the shared clips of UCSD Ped2, those to learn from and those to be scored,
are distorted, labels and masks with them, and the command is run on each in its one default setting. **These are
proxies, not other scenes**: the same people do the same things. They show whether a change of size, perspective,
direction, noise, compression or rate breaks the method, and nothing else. ``DIR`` holds pictures, kept boxes, scores.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Places = npt.NDArray[np.float32]
RESULT = Path(__file__).parent / "results" / "anomaly_proxies.txt"
PED1 = (238, 158)
"""Width and height of UCSD Ped1."""
FAR = 1 / 5
"""Scale of upright people at the upper edge, over that at the lower one: where people walk it grows by two thirds, on
top of the scene's own perspective ..."""
GROUND = 1 / 3
"""... and of the ground, along whose depth they walk from the upper edge to the lower."""
JPEG = 30
NOISE, FLICKER = 5.0, 0.03
LEAST_PX = 4
"""A mask of fewer pixels shows nothing."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """One way of seeing the scene."""

    about: str
    size: tuple[int, int] | None = None
    """Width and height; None: as it was."""
    places: Callable[[tuple[int, int]], tuple[Places, Places]] | None = None
    """For each pixel of the new picture the column and row that it shows of the old one, of this width and height."""
    spoil: Callable[[Grey, int], Grey] | None = None
    """What the camera adds to a picture; with the number of the picture."""
    every: int = 1
    """Each how manieth frame is kept."""
    quality: int | None = None
    """Of JPEG; None: nothing is lost."""


def inclined(size: tuple[int, int]) -> tuple[Places, Places]:
    """The far is smaller, in both directions alike: people keep their shape, as they do before a real camera, which no
    homography of the whole picture would let them. The scale falls in a straight line from the lower edge up."""
    wide, high = PED1
    row, column = np.mgrid[0:high, 0:wide].astype(np.float64)
    share = FAR + (1 - FAR) * (row + 0.5) / high
    near = high * math.log(1 / FAR) / (1 - FAR) / size[1]  # so that all rows of the old picture are there
    x = size[0] / 2 + (column + 0.5 - wide / 2) / (near * share)
    y = size[1] * np.log(share / FAR) / math.log(1 / FAR)
    return (x - 0.5).astype(np.float32), (y - 0.5).astype(np.float32)


def along(size: tuple[int, int]) -> tuple[Places, Places]:
    """A quarter turn, then a homography: people walk towards the camera and away from it, lying on the ground."""
    wide, high = PED1
    row, column = np.mgrid[0:high, 0:wide].astype(np.float64)
    share = GROUND + (1 - GROUND) * (row + 0.5) / high
    near = wide / size[1]
    across = size[1] / 2 + (column + 0.5 - wide / 2) / (near * share)
    down = size[0] * (1 / GROUND - 1 / share) / (1 / GROUND - 1)
    return (down - 0.5).astype(np.float32), (size[1] - across - 0.5).astype(np.float32)


def noisy(picture: Grey, number: int) -> Grey:
    """Noise of a sensor at night, and light that flickers."""
    random = np.random.default_rng(number)
    light = 1 + FLICKER * math.sin(number * 2.1) + random.normal(0, FLICKER / 3)
    return np.clip(np.rint(picture * light + random.normal(0, NOISE, picture.shape)), 0, 255).astype(np.uint8)


PROXIES = {
    "plain": Proxy("as it is, 360x240"),
    "small": Proxy("brought to 238x158", size=PED1),
    "perspective": Proxy(
        "238x158, upper edge at a fifth of the scale of the lower, people upright, 14 to 38 px high",
        places=inclined,
    ),
    "depth": Proxy("238x158, turned by 90 degrees, homography: people move along the depth, lying", places=along),
    "noise": Proxy(f"noise of {NOISE:g} grey levels, brightness flickers by {FLICKER:.0%}", spoil=noisy),
    "jpeg": Proxy(f"JPEG of quality {JPEG}", quality=JPEG),
    "half": Proxy("every second frame, 5 a second", every=2),
    "worst": Proxy("perspective, noise and JPEG together", places=inclined, spoil=noisy, quality=JPEG),
}


# ---- making them


def make(proxy: Proxy, scene: Path, labels: Path, out: Path) -> None:
    """Clips, masks and labels of a proxy, as ``Asked`` wants them. What is there already is left."""
    if (out / "labels.csv").is_file():
        return
    walls = wall(scene / "training" / "frames")
    for part in ("training", "testing"):
        for clip in sorted((scene / part / "frames").iterdir()):
            write(_distorted(proxy, clip, walls), out / part / clip.name, quality=proxy.quality)
    rows = ["clip,first_anomalous_frame,last_anomalous_frame"]
    for clip in sorted((scene / "masks").iterdir()):
        masks = list(_masks(proxy, clip))
        write(masks, out / "masks" / clip.name, quality=None)
        rows += _rows(clip.name, masks, spans_of(labels, clip.name), proxy.every)
    (out / "labels.csv").write_text("\n".join(rows) + "\n")


def wall(folder: Path) -> Grey:
    """What stands still: the median of a picture of each normal clip."""
    return np.median([_read(sorted(clip.iterdir())[0]) for clip in sorted(folder.iterdir())], axis=0).astype(np.uint8)


def _distorted(proxy: Proxy, clip: Path, walls: Grey) -> Iterator[Grey]:
    for number, file in enumerate(sorted(clip.iterdir())[:: proxy.every]):
        picture = _seen(proxy, _read(file), walls)
        yield proxy.spoil(picture, number) if proxy.spoil else picture


def _masks(proxy: Proxy, clip: Path) -> Iterator[Grey]:
    for file in sorted(clip.iterdir())[:: proxy.every]:
        mask = (_read(file) > 0).astype(np.uint8) * 255
        seen = _seen(proxy, mask, np.zeros_like(mask))
        yield (seen > 127).astype(np.uint8) * 255


def _seen(proxy: Proxy, picture: Grey, walls: Grey) -> Grey:
    """A picture as the proxy shows it; where it shows what lies beyond the picture, the wall goes on."""
    import cv2

    if proxy.places is not None:
        size = picture.shape[1], picture.shape[0]
        x, y = proxy.places(size)
        beyond = (x < -0.5) | (y < -0.5) | (x > size[0] - 0.5) | (y > size[1] - 0.5)
        whole = _warped(picture, x, y)
        return np.where(beyond, _warped(walls, x, y), whole).astype(np.uint8)
    if proxy.size is not None:
        return np.asarray(cv2.resize(picture, proxy.size, interpolation=cv2.INTER_AREA), np.uint8)
    return picture


def _warped(picture: Grey, x: Places, y: Places) -> Grey:
    """What is made smaller is a mean over what it shows: four by four places in each pixel."""
    import cv2

    whole, edge = np.zeros(x.shape), cv2.BORDER_REPLICATE
    steps = (np.arange(4) - 1.5) / 4
    right, down = np.gradient(x), np.gradient(y)
    for first in steps:
        for second in steps:
            at_x = x + first * right[0] + second * right[1]
            at_y = y + first * down[0] + second * down[1]
            places = at_x.astype(np.float32), at_y.astype(np.float32)
            found = cv2.remap(picture, *places, cv2.INTER_LINEAR, borderMode=edge)
            whole += found
    return np.rint(whole / 16).astype(np.uint8)


def _rows(name: str, masks: Sequence[Grey], spans: Sequence[tuple[int, int]], every: int) -> list[str]:
    """Labels: the frames that were anomalous, as far as something of the anomaly is still in the picture."""
    flagged = np.zeros(len(masks) * every + 1, np.bool_)
    for first, last in spans:
        flagged[first - 1 : last] = True
    kept = [bool(flagged[number * every]) and int((mask > 0).sum()) >= LEAST_PX for number, mask in enumerate(masks)]
    edges = np.flatnonzero(np.diff(np.array([False, *kept, False]).astype(np.int8)))
    found = [f"{name},{start + 1},{end}" for start, end in zip(edges[::2], edges[1::2], strict=True)]
    return found or [f"{name},,"]


def spans_of(labels: Path, name: str) -> list[tuple[int, int]]:
    """The anomalous frames of a clip, from 1."""
    from lab.evaluate.anomaly.labels import read_labels

    return read_labels(labels)[name]


def write(pictures: "Iterator[Grey] | Sequence[Grey]", folder: Path, *, quality: int | None) -> None:
    """As files in a folder."""
    import cv2

    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pictures):
        if quality is None:
            cv2.imwrite(str(folder / f"{number:03}.png"), picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        else:
            cv2.imwrite(str(folder / f"{number:03}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, quality])


def _read(file: Path) -> Grey:
    import cv2

    return np.asarray(cv2.imread(str(file), cv2.IMREAD_GRAYSCALE), np.uint8)


# ---- asking the command

HEAD = (
    f"{'proxy':<12}{'micro':>7}{'macro':>7}{'ahead':>7}{'ahead ma':>9} | {'floor':>6}{'macro':>7}{'ahead':>7} | "
    f"{'gain':>6}  {'95 %':<16} | {'RBDC':>5}{'TBDC':>6} | {'clips':>5}{'frames':>7}{'anom':>6}"
)


def row(name: str, facts: dict[str, Any]) -> str:
    """One proxy in the table; in percent."""
    ours, floor = (facts["frame_auc"][each] for each in ("model of normal", "max window flow"))
    gain, places = facts["gain_over_max_window_flow"], facts["places"]
    shown = [100 * ours[key] for key in ("micro", "macro", "micro_ahead", "macro_ahead")]
    below = [100 * floor[key] for key in ("micro", "macro", "micro_ahead")]
    between = f"[{100 * gain['low']:+.1f}, {100 * gain['high']:+.1f}]"
    return (
        f"{name:<12}{shown[0]:>7.2f}{shown[1]:>7.2f}{shown[2]:>7.2f}{shown[3]:>9.2f} | "
        f"{below[0]:>6.2f}{below[1]:>7.2f}{below[2]:>7.2f} | {100 * gain['value']:>+6.2f}  {between:<16} | "
        f"{100 * places['rbdc']:>5.1f}{100 * places['tbdc']:>6.1f} | "
        f"{facts['clips']:>5}{facts['frames']:>7}{facts['anomalous'] / facts['frames']:>6.0%}"
    )


def run(name: str, scene: Path, labels: Path, work: Path) -> dict[str, Any]:
    """Make a proxy and ask ``bartizan evaluate anomaly`` about it."""
    from lab.evaluate.anomaly.trial import Asked, carry_out
    from lab.normal.observe import default_detector

    here, proxy = work / name, PROXIES[name]
    make(proxy, scene, labels, here)
    asked = Asked(
        normal=here / "training",
        test=here / "testing",
        scores=here / "scores",
        labels=here / "labels.csv",
        masks=here / "masks",
        out=here / "out",
        fps=10.0 / proxy.every,
        cache=work / "boxes",
    )
    return carry_out(asked, default_detector())


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for pictures, boxes and scores")
    parser.add_argument("--only", default=",".join(PROXIES), help="names")
    parser.add_argument("--out", type=Path, help=f"default: {RESULT.name}, where all are made")
    chosen = parser.parse_args(arguments)
    from tests.conftest import FOOTAGE

    scene, labels = FOOTAGE / "datasets" / "ucsd_ped2", FOOTAGE / "labels" / "ucsd_ped2.csv"
    names = chosen.only.split(",")
    lines = [HEAD]
    print(HEAD, flush=True)
    for name in names:
        lines.append(row(name, run(name, scene, labels, chosen.work)))
        print(lines[-1], flush=True)
    lines += ["", *(f"{name:<12}{PROXIES[name].about}" for name in names)]
    out = chosen.out or (RESULT if names == list(PROXIES) else None)
    if out is not None:
        out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
