"""Tasks of Label Studio with boxes somebody proposes, ready to be corrected (``predictions``).

https://labelstud.io/guide/predictions: positions in percent of the picture; ``RectangleLabels`` named ``label`` over an
``Image`` named ``image``.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from pipeline.detections import FloatArray


def result(box: Sequence[float] | FloatArray, size: tuple[int, int], label: str, *, number: int) -> dict[str, Any]:
    """One box (left, top, right, bottom in pixels) of a picture of ``size`` (height, width)."""
    height, width = size
    left, top, right, bottom = (float(side) for side in box)
    return {
        "id": f"box{number}",
        "type": "rectanglelabels",
        "from_name": "label",
        "to_name": "image",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": {
            "rotation": 0,
            "x": 100 * left / width,
            "y": 100 * top / height,
            "width": 100 * (right - left) / width,
            "height": 100 * (bottom - top) / height,
            "rectanglelabels": [label],
        },
    }


def local_url(path: str) -> str:
    """The address under which Label Studio serves a file below its document root (local storage)."""
    return f"/data/local-files/?d={quote(path)}"


def labelling_config(names: Sequence[str]) -> str:
    """The labelling interface that fits these tasks, to be pasted into a project's settings."""
    from xml.sax.saxutils import quoteattr

    labels = "\n".join(f"    <Label value={quoteattr(name)}/>" for name in names)
    return (
        f'<View>\n  <Image name="image" value="$image"/>\n  <RectangleLabels name="label" toName="image">\n'
        f"{labels}\n  </RectangleLabels>\n</View>\n"
    )
