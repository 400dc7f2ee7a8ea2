"""What an explanation leaves behind: pictures, figures, a page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.explain.explanation import Explanation, all_explain, overall
from lab.explain.overlay import overlay
from lab.report.charts import as_png, curves
from lab.report.page import Page
from lab.train.run_folder import versions, write_json
from pipeline.errors import CannotStart
from pipeline.stage import Picture
from pipeline.whole_file import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMALLEST_SHOWN = 480
"""Pixels of a picture's longer side in the page; smaller ones are enlarged."""


def write(out: Path, picture: Picture, explanations: Sequence[Explanation], settings: Mapping[str, Any]) -> None:
    """Write ``run.json``, ``explain.json``, for each target a map and its curves as PNG, and ``report.html``.

    Raises ``CannotStart`` if the folder cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / "run.json", {"settings": dict(settings), "versions": versions()})
        write_json(out / "explain.json", [explanation.facts() for explanation in explanations])
        page = _opened(explanations, settings)
        for number, explanation in enumerate(explanations):
            drawn, figure = _drawn(picture, explanation), _chart(explanation)
            write_whole(out / f"map-{number}.png", [_png(drawn)])
            write_whole(out / f"curves-{number}.png", [as_png(figure)])
            _add(page, explanation, drawn, figure)
        page.write(out / "report.html")
    except OSError as error:
        raise CannotStart(f"{out}: cannot be written: {error.strerror}") from error


def _opened(explanations: Sequence[Explanation], settings: Mapping[str, Any]) -> Page:
    page = Page(f"Explained by {settings['method']}", f"{settings['model']} on {settings['source']}")
    if len(explanations) > 1:
        mean = overall(explanations)
        words = "explain more than chance" if all_explain(explanations) else "explain no more than chance"
        page.note(
            f"The maps of {len(explanations)} targets {words}: mean advantage over random maps {mean}",
            "good" if all_explain(explanations) else "bad",
        )
    page.text(
        "Deletion hides the pixels that the map calls important, first to last; insertion shows them, from a blur. "
        "Both are areas under the score, as a share of the score on the unchanged picture. "
        "Gain is insertion less deletion. "
        "A map counts as an explanation if at most one in twenty random maps does as well."
    )
    return page


def _add(page: Page, explanation: Explanation, drawn: Picture, figure: "Figure") -> None:
    verdict, curves = explanation.verdict, explanation.verdict.curves
    page.section(str(explanation.target)).note(str(verdict), "good" if verdict.explains else "bad")
    page.picture(drawn, f"{explanation.target}; the grey frame is the window that was looked at")
    rows = [("this map", curves.deleted, curves.inserted, curves.gain)]
    rows += [(name, each.deleted, each.inserted, each.gain) for name, each in explanation.baselines.items()]
    rivals = verdict.rivals
    means = [float(np.mean([getattr(rival, name) for rival in rivals])) for name in ("deleted", "inserted", "gain")]
    rows.append((f"random, mean of {len(rivals)}", means[0], means[1], means[2]))
    page.table(("map", "deletion (small is good)", "insertion", "gain"), rows)
    page.text(f"Advantage over random maps: {verdict.advantage} (mean, and the range of 95 % of them)")
    page.figure(figure, "Score while pixels are deleted and inserted, and the range of random maps")


def _chart(explanation: Explanation) -> "Figure":
    verdict = explanation.verdict
    share = np.linspace(0, 1, len(verdict.curves.deletion))
    lines = {"deletion": (share, verdict.curves.deletion), "insertion": (share, verdict.curves.insertion)}
    bands = {
        name: tuple(np.quantile([getattr(rival, name) for rival in verdict.rivals], (0.025, 0.975), axis=0))
        for name in lines
    }
    top = max(1.02, *(float(np.max(line)) for _, line in lines.values()))
    return curves(
        lines,
        x="share of the window's pixels",
        y="score, as a share of the unchanged picture's",
        limits=(0, 1, 0, top),
        bands={name: (low, high) for name, (low, high) in bands.items()},
    )


def _drawn(picture: Picture, explanation: Explanation) -> Picture:
    import cv2

    drawn = overlay(picture, explanation.window, explanation.saliency, explanation.target)
    times = -(-SMALLEST_SHOWN // max(picture.shape[:2]))
    if times <= 1:
        return drawn
    large = cv2.resize(drawn, None, fx=times, fy=times, interpolation=cv2.INTER_NEAREST)
    return np.asarray(large, np.uint8)


def _png(pixels: Picture) -> bytes:
    import cv2

    return bytes(cv2.imencode(".png", pixels)[1])
