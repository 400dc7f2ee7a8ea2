"""Pages hold everything themselves, and show what they are given."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from lab.report.charts import bars, chart, curves, matrix, reliability
from lab.report.page import Page
from lab.statistics import Interval


class Elements(HTMLParser):
    """Every start tag with its attributes, and tags that are opened and never closed."""

    VOID = frozenset({"meta", "img", "br", "path", "use"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def full_page() -> Page:
    x = np.linspace(0, 1, 5000)
    random = np.random.default_rng(1)
    noise = random.integers(0, 255, (900, 2000, 3), np.uint8)
    page = Page("Results <of> a & b", "One sentence.")
    page.section("Figures").tiles([("mAP", "0.44", "[0.40, 0.48]")]).note("Beware.", "warn").text("One.", "Two.")
    page.table(["class", "AP", "boxes"], [["person", 0.51234, 3], ["car", float("nan"), 12]], "By class")
    page.section("Charts").figure(curves({"a": (x, 1 - x), "b": (x, x)}, x="recall", y="precision"), "Curves")
    page.figure(bars({"person": Interval(0.5, 0.4, 0.6), "car": 0.3}, x="AP"), "Bars", alt="AP of two classes")
    counts = np.array([[5, 1], [0, 7]])
    page.figure(matrix(counts, rows=["a", "b"], columns=["a", "b"], row_title="truth", column_title="found"), "Matrix")
    page.figure(reliability([0.1, 0.5], [0.2, 0.4], [4, 9], width=0.1), "Reliability")
    page.picture(noise, "A picture").pictures([(noise, "left"), (noise, "right")]).code("a < b")
    return page


@pytest.fixture(scope="module")
def html() -> str:
    return full_page().html()


def test_nothing_is_fetched_and_nothing_runs(html: str) -> None:
    elements = Elements(html)
    assert elements.open == []
    assert not {tag for tag, _ in elements.found} & {"script", "link", "iframe", "object", "embed"}
    for _, attributes in elements.found:
        for name in ("src", "href", "xlink:href", "srcset"):
            assert attributes.get(name, "#").startswith(("#", "data:image/"))
        assert not [name for name in attributes if name.startswith("on")]
    assert "@import" not in html
    assert set(re.findall(r"url\((.)", html)) <= {"#"}
    assert "default-src 'none'" in html


def test_what_is_given_is_escaped(html: str) -> None:
    assert "Results &lt;of&gt; a &amp; b" in html
    assert "<of>" not in html
    assert "a &lt; b" in html


def test_every_picture_and_chart_is_described_in_words(html: str) -> None:
    elements = Elements(html).found
    assert [attributes for tag, attributes in elements if tag == "img" and not attributes.get("alt")] == []
    charts = [attributes for tag, attributes in elements if tag == "svg"]
    assert [each.get("aria-label") for each in charts] == ["Curves", "AP of two classes", "Matrix", "Reliability"]


def test_charts_take_the_ink_of_the_page_and_share_no_names(html: str) -> None:
    assert "currentColor" in html
    names = re.findall(r'<clipPath id="([^"]+)"', html)
    assert names
    assert len(names) == len(set(names))
    named = set(re.findall(r' id="([^"]+)"', html))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= named


def test_a_figure_of_another_style_stands_on_white_paper() -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([1, 2])
    html = Page("x").figure(figure, "Foreign").html()
    assert '<figure class="paper"><img alt="Foreign"' in html


def test_numbers_stand_right_and_unknown_ones_are_a_dash(html: str) -> None:
    assert '<td class="number">0.512</td>' in html
    assert '<td class="number">-</td>' in html
    assert "<td>person</td>" in html


def test_dollars_in_names_are_letters_and_no_formula() -> None:
    name = "pay $5_$ gate"
    drawn = Page("x").figure(bars({name: 0.5, "a$b_c$": 0.2}, x=name, title=name), "Bars")
    drawn.figure(curves({name: ([0, 1], [0, 1]), "$x^$": ([0, 1], [1, 0])}, x=name, y=name, title=name), "Curves")
    assert drawn.html().count("<svg ") == 2


def test_the_same_content_gives_the_same_bytes(html: str) -> None:
    assert full_page().html() == html


def test_a_page_is_written_whole_into_a_folder_that_it_makes(tmp_path: Path) -> None:
    path = Page("Short").text("Hello.").write(tmp_path / "new" / "report.html")
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def test_drawing_leaves_the_settings_of_matplotlib_alone() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    with chart(panels=2) as (_, axes):
        assert len(axes) == 2
    assert dict(matplotlib.rcParams) == before


def test_a_long_curve_is_thinned_but_keeps_its_ends() -> None:
    x = np.linspace(0, 1, 50_000)
    figure = curves({"one": (x, x)}, x="x", y="y")
    drawn = np.asarray(figure.axes[0].lines[0].get_xdata())
    assert len(drawn) <= 400
    assert (drawn[0], drawn[-1]) == (0, 1)


def test_empty_charts_can_be_drawn() -> None:
    page = Page("Nothing").figure(curves({}, x="x", y="y"), "No curve").figure(bars({}, x="x"), "No bar")
    page.figure(curves({"none": ([], [])}, x="x", y="y"), "Empty curve").figure(
        reliability([], [], [], width=0.1), "None"
    )
    assert page.html().count("<svg ") == 4


def test_an_interval_stands_smaller_and_may_go_below_its_number() -> None:
    html = Page("a").table(["AP", "n"], [[str(Interval(0.5, 0.4, 0.6)), 3], ["+0.1 [-0.1, 0.3]", 4]]).html()

    assert '<td class="number">0.500 <small>[0.400, 0.600]</small></td>' in html
    assert '<td class="number">+0.1 <small>[-0.1, 0.3]</small></td>' in html


def test_a_figure_that_is_not_defined_is_a_dash_in_its_column_of_numbers() -> None:
    nothing = float("nan")
    rows = [[str(Interval(nothing, nothing, nothing))], [str(Interval(0.5, 0.4, 0.6))]]

    assert '<td class="number">-</td>' in Page("a").table(["AP"], rows).html()


def test_what_a_table_shows_is_said_beside_it_so_that_it_does_not_scroll_away() -> None:
    html = Page("a").table(["AP"], [[0.5]], "By <class>").html()

    assert html.index('id="table-1">By &lt;class&gt;') < html.index('<div class="scroll"')
    assert 'aria-labelledby="table-1"' in html


def test_digests_may_be_broken_and_words_may_not() -> None:
    html = Page("a").table(["", ""], [["gaussian_noise", "ab" * 32]]).html()

    assert f'<td class="long">{"ab" * 32}</td>' in html
    assert "<td>gaussian_noise</td>" in html
    assert "<thead>" not in html
