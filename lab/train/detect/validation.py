"""Scoring a network in training as the detector would be scored: same letterbox, same suppression."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from lab.dataset.labelled import LabelledImage
from lab.detector import read_picture
from lab.evaluate.average_precision import Scores
from lab.evaluate.tally import tally
from stages.detect.letterbox import Letterbox
from stages.detect.postprocess import Picker

STRIDE = 32
LEAST = 0.001


def score(network: Any, images: Sequence[LabelledImage], *, imgsz: int) -> Scores:
    """Tallies of the network's boxes (its one-to-many head) on labelled pictures, on the device where it is."""
    device = next(network.parameters()).device
    network.eval()
    if getattr(network.model[-1], "one2one_cv2", None) is not None:
        network.end2end = False
    picker = Picker(confidence=LEAST, iou=0.7, max_detections=300, allowed=None, suppresses=True)
    tallies = []
    with torch.inference_mode():
        for image, canvas, letterbox in _canvases(images, imgsz):
            flat = torch.from_numpy(canvas).to(device)
            output = network(flat.flip(2).permute(2, 0, 1)[None].float() / 255)[0].float().cpu().numpy()
            tallies.append(tally(picker.pick(output, [letterbox])[0], image.xyxy, image.class_id))
    return Scores(tallies)


def _canvases(images: Sequence[LabelledImage], imgsz: int) -> Iterable[tuple[LabelledImage, Any, Letterbox]]:
    for image in images:
        letterbox = Letterbox.fit(image.size, imgsz=imgsz, stride=STRIDE)
        canvas = np.empty((*letterbox.canvas, 3), np.uint8)
        letterbox.draw(read_picture(image.path), canvas)
        yield image, canvas, letterbox
