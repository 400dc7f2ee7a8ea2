"""A report as one HTML file: text, tables, charts and pictures, readable offline, in light, dark and on paper."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from lab.report.charts import as_png, as_svg
from lab.report.stylesheet import CSS
from pipeline.whole_file import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Picture = npt.NDArray[np.uint8]
Mood = Literal["plain", "good", "warn", "bad"]

NO_INTERVAL = "nan [nan, nan]"
"""How ``Interval`` is written where a figure is not defined, such as the precision of a class that was never found."""
LONG_WORD = 32
LONG = ' class="long"'
"""Cells with words longer than this, such as digests: they may be broken anywhere."""
LARGEST_SVG = 600_000
"""Bytes; charts with more are embedded as PNG."""


class Page:
    """Grows from top to bottom; each method adds one piece and returns the page. Everything given is escaped.

    ``title`` and ``lead`` (one sentence below it) are plain text.
    """

    def __init__(self, title: str, lead: str = "") -> None:
        self.title = title
        self._lead = lead
        self._body: list[str] = []
        self._sections: list[tuple[str, str]] = []
        self._charts = 0
        self._tables = 0

    def section(self, heading: str) -> Self:
        """A heading, which the list of contents names too."""
        anchor = f"section-{len(self._sections) + 1}"
        self._sections.append((anchor, heading))
        return self._add(f'<h2 id="{anchor}">{escape(heading)}</h2>')

    def heading(self, text: str) -> Self:
        """A heading within a section."""
        return self._add(f"<h3>{escape(text)}</h3>")

    def text(self, *paragraphs: str) -> Self:
        """Plain paragraphs."""
        return self._add("".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs))

    def note(self, text: str, mood: Mood = "plain") -> Self:
        """A sentence that must not be missed: a verdict, a warning."""
        return self._add(f'<p class="note {mood}" role="note">{escape(text)}</p>')

    def tiles(self, figures: Iterable[tuple[str, str, str]]) -> Self:
        """Key figures side by side, each as (what it is, the figure, what belongs to it such as its interval)."""
        items = (
            f"<li><span>{escape(name)}</span><b>{escape(value)}</b><span>{escape(detail)}</span></li>"
            for name, value, detail in figures
        )
        return self._add(f'<ul class="tiles">{"".join(items)}</ul>')

    def table(self, header: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> Self:
        """A table. Floats show three decimals, NaN shows as a dash; columns of numbers are set flush right.

        An interval behind a number, as ``Interval`` is written, is set smaller, and below it where room is scarce.
        """
        cells = [[_shown(value) for value in row] for row in rows]
        numeric = [all(_is_number(row[column]) for row in cells) for column in range(len(header))]
        head = "".join(f'<th scope="col"{_flush(numeric[i])}>{escape(name)}</th>' for i, name in enumerate(header))
        body = "".join(
            "<tr>" + "".join(_cell(value, numeric[i]) for i, value in enumerate(row)) + "</tr>" for row in cells
        )
        thead = f"<thead><tr>{head}</tr></thead>" if any(header) else ""
        # Beside the table and not its caption, which would be as wide as the table and scroll away with it.
        self._tables += 1
        named = f' aria-labelledby="table-{self._tables}"' if caption else ""
        title = f'<p class="title" id="table-{self._tables}">{escape(caption)}</p>' if caption else ""
        return self._add(
            f'{title}<div class="scroll" tabindex="0"><table{named}>{thead}<tbody>{body}</tbody></table></div>'
        )

    def figure(self, figure: "Figure", caption: str, *, alt: str = "") -> Self:
        """A matplotlib figure. ``alt`` says in words what it shows, for those who cannot see it; else the caption does.

        Made with ``lab.report.charts`` it follows the reader's light or dark; any other stands on white paper.
        """
        self._charts += 1
        words = alt or caption
        svg = as_svg(figure, name=f"chart{self._charts}")
        if svg is not None and len(svg) <= LARGEST_SVG:
            shown, kind = svg.replace("<svg ", f'<svg role="img" aria-label="{escape(words)}" ', 1), "chart"
        else:
            shown, kind = _image(as_png(figure), "png", words), "paper"
        return self._add(f'<figure class="{kind}">{shown}<figcaption>{escape(caption)}</figcaption></figure>')

    def picture(self, pixels: Picture, caption: str, *, alt: str = "", longest_px: int = 1280) -> Self:
        """A picture, uint8 (height, width, 3) BGR, embedded as JPEG and no larger than ``longest_px``."""
        return self._add(_figure_of(pixels, caption, alt or caption, longest_px))

    def pictures(self, pictures: Iterable[tuple[Picture, str]], *, longest_px: int = 640) -> Self:
        """Several pictures side by side, each with its caption."""
        shown = "".join(_figure_of(pixels, caption, caption, longest_px) for pixels, caption in pictures)
        return self._add(f'<div class="gallery">{shown}</div>')

    def code(self, text: str) -> Self:
        """Text as it would stand in a terminal or a file."""
        return self._add(f"<pre>{escape(text)}</pre>")

    def html(self) -> str:
        """The whole page."""
        links = "".join(f'<a href="#{anchor}">{escape(name)}</a>' for anchor, name in self._sections)
        contents = f'<nav aria-label="Contents">{links}</nav>' if len(self._sections) > 1 else ""
        lead = f'<p class="lead">{escape(self._lead)}</p>' if self._lead else ""
        body = "\n".join(self._body)
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
            "style-src 'unsafe-inline'\">"
            f"<title>{escape(self.title)}</title><style>{CSS}</style></head>\n"
            f"<body><header><h1>{escape(self.title)}</h1>{lead}</header>\n{contents}\n<main>\n{body}\n</main>\n"
            "<footer>Made by Bartizan. Everything shown is within this file.</footer></body></html>\n"
        )

    def write(self, path: Path) -> Path:
        """Write the page as a whole, making its folder; returns ``path``. Raises ``OSError``."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, [self.html().encode()], flush=False)
        return path

    def _add(self, html: str) -> Self:
        self._body.append(html)
        return self


def _figure_of(pixels: Picture, caption: str, alt: str, longest_px: int) -> str:
    import cv2

    longest = max(pixels.shape[:2])
    if longest > longest_px:
        scale = longest_px / longest
        size = (max(round(pixels.shape[1] * scale), 1), max(round(pixels.shape[0] * scale), 1))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]  # any dtype to cv2
    jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
    return f"<figure>{_image(jpeg, 'jpeg', alt)}<figcaption>{escape(caption)}</figcaption></figure>"


def _image(content: bytes, kind: str, alt: str) -> str:
    return f'<img alt="{escape(alt)}" src="data:image/{kind};base64,{base64.b64encode(content).decode()}">'


def _shown(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.3f}" if np.isfinite(value) else "-"
    text = str(value)
    return "-" if text == NO_INTERVAL else text


def _cell(text: str, numeric: bool) -> str:
    value, bracket, interval = text.partition(" [")
    if bracket and text.endswith("]") and _is_number(value):
        return f"<td{_flush(numeric)}>{escape(value)} <small>[{escape(interval)}</small></td>"
    long = max(map(len, text.split()), default=0) > LONG_WORD
    return f"<td{LONG if long else _flush(numeric)}>{escape(text)}</td>"


def _is_number(text: str) -> bool:
    return text in ("", "-") or text.lstrip("+-")[:1].isdigit()


def _flush(numeric: bool) -> str:
    return ' class="number"' if numeric else ""
