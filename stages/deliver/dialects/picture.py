"""What an event says of its picture in whole pixels."""

from pipeline.messages import EventObject


def box_px(thing: EventObject) -> list[int]:
    """Left, top, right, bottom in pixels of the source frame."""
    return [round(edge) for edge in thing.box_px]


def size_px(thing: EventObject) -> tuple[int, int]:
    """Width and height of the frame, as the two boxes of the object give them; 0 where they cannot."""
    width, height = (_length(thing.box_px[axis::2], thing.box[axis::2]) for axis in (0, 1))
    return width, height


def _length(pixels: tuple[float, ...], shares: tuple[float, ...]) -> int:
    """From the edge that lies farthest from 0: there rounding matters least."""
    pixel, share = max(zip(pixels, shares, strict=True), key=lambda edge: edge[1])
    return round(pixel / share) if share > 0 else 0
