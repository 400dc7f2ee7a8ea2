"""``stages.detect.embedding`` where the feature maps lie on a GPU: the same sums, over a whole batch at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from stages.detect.embedding import BANDS, FloatArray, weights


def pooled_batch(
    torch: Any, maps: Sequence[Any], boxes: Sequence[FloatArray], *, canvas: tuple[int, int]
) -> list[FloatArray]:
    """For each picture float32 (n, d). ``maps``: tensors (pictures or more, channels, rows, columns)."""
    pictures, most = len(boxes), max(1, *map(len, boxes))
    padded = np.tile(np.array([0, 0, 1, 1], np.float32), (pictures, most, 1))
    for own, place in zip(boxes, padded, strict=True):
        place[: len(own)] = own
    levels = []
    for level in maps:
        across, down = weights(padded.reshape(-1, 4), level.shape[2:], canvas)
        columns = torch.from_numpy(across.reshape(pictures, most, -1)).to(level.device)
        rows = torch.from_numpy(down.reshape(pictures, most * BANDS, -1)).to(level.device)
        content = level[:pictures].float()
        narrow = torch.einsum("pcrw,pnw->pncr", content, columns)
        rows = rows.reshape(pictures, most, BANDS, -1)
        level_vectors = torch.einsum("pncr,pnbr->pnbc", narrow, rows).flatten(2)
        levels.append(torch.nn.functional.normalize(level_vectors, dim=2))
    vectors = torch.nn.functional.normalize(torch.cat(levels, 2), dim=2).cpu().numpy()
    return [vectors[number, : len(own)].copy() for number, own in enumerate(boxes)]
