"""The section of a report that says what attacks leave of a detector."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.evaluate.attack import STEPS, Strength
from lab.evaluate.patch import PatchTrial
from lab.evaluate.victim import Target
from lab.report.charts import curves
from pipeline.stage import Picture

if TYPE_CHECKING:
    from lab.report.page import Page

SHOWN = 4
TITLES = {
    "fgsm": "FGSM: one step along the sign of the gradient (Goodfellow et al. 2015)",
    "pgd": f"PGD: {STEPS} steps within the same bounds, from a random start (Madry et al. 2018)",
}


def open_section(page: "Page", pictures: int) -> None:
    """Heading and what was done."""
    page.section("Attacks").text(
        f"On {pictures} pictures, brought to the size that the model sees. The attacker has the checkpoint and lowers "
        "the scores of what is there; the deployed detector is then shown the attacked pictures, in whole grey levels."
    )


def add_strengths(
    page: "Page",
    method: str,
    found: Sequence[Strength],
    targets: Sequence[Target],
    pictures: Sequence[Picture],
    *,
    threshold: float,
) -> None:
    """Figures against epsilon, and what the strongest attack looks like."""
    page.heading(TITLES[method])
    page.table(
        ["epsilon, of 255 grey levels", "mAP50-95", "mAP50", f"recall at {threshold:.2f}"],
        [(f"{each.epsilon:g}", str(each.map), str(each.map50), str(each.recall)) for each in found],
    )
    across = [each.epsilon for each in found]
    lines = {
        "mAP50-95": (across, [each.map.value for each in found]),
        "mAP50": (across, [each.map50.value for each in found]),
        f"recall at {threshold:.2f}": (across, [each.recall.value for each in found]),
    }
    page.figure(
        curves(lines, x="epsilon, of 255 grey levels", y="figure", limits=(0, max(across), 0, 1.02)),
        f"What {method.upper()} leaves, by how far each pixel may change.",
        alt=f"mAP50-95 falls from {found[0].map.value:.2f} to {found[-1].map.value:.2f} at epsilon {across[-1]:g}",
    )
    shown = [
        pair
        for target, picture in list(zip(targets, pictures, strict=True))[: SHOWN // 2]
        for pair in ((target.pixels, "clean"), (picture, f"{method.upper()}, epsilon {across[-1]:g}"))
    ]
    page.pictures(shown)


def add_patch(page: "Page", trial: PatchTrial, patch: Picture, worn: Sequence[Picture], *, threshold: float) -> None:
    """Figures with the patch, with a grey one, without; and how it looks."""
    page.heading("Printed patch, stood in for (Thys et al. 2019)")
    page.text(
        f"Optimised on other pictures than the {trial.pictures} that it is judged on, over random place, size, turn "
        "and light within the objects. The grey patch in the same places says what covering alone costs. Printing, "
        "folds and the camera's own processing are not part of it: on the street it will do less."
    )
    page.table(
        ["", "mAP50-95", "mAP50", f"recall at {threshold:.2f}"],
        [
            (name, str(each.map), str(each.map50), str(each.recall))
            for name, each in (("clean", trial.clean), ("grey patch", trial.control), ("patch", trial.patched))
        ],
    )
    cost, lost = trial.cost
    hides = lost.high < 0
    page.note(
        f"Beyond the grey one, the patch changes mAP50-95 by {cost.value:+.3f} [{cost.low:+.3f}, {cost.high:+.3f}] "
        f"and recall by {lost.value:+.3f} [{lost.low:+.3f}, {lost.high:+.3f}]: "
        + ("it hides objects." if hides else "no effect beyond covering is shown."),
        "warn" if hides else "plain",
    )
    page.pictures([(patch, "the patch"), *((picture, "worn") for picture in list(worn)[: SHOWN - 1])])
