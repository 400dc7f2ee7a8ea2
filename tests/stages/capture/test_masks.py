import numpy as np

from stages.capture.masks import PrivacyMasks


def test_masked_parts_are_black_and_the_rest_is_untouched() -> None:
    pixels = np.random.default_rng(0).integers(1, 256, (60, 80, 3), dtype=np.uint8)
    before = pixels.copy()
    PrivacyMasks([[(0.25, 0.25), (0.5, 0.25), (0.5, 0.5), (0.25, 0.5)]]).paint(pixels)
    assert not pixels[15:31, 20:41].any()
    black = (pixels == 0).all(axis=2)
    assert black.sum() == 18 * 23
    assert (pixels[~black] == before[~black]).all()


def test_a_slanted_polygon_covers_every_pixel_inside_it_at_each_resolution() -> None:
    masks = PrivacyMasks([[(0.1, 0.1), (0.9, 0.1), (0.5, 0.9)]])
    for height, width in ((90, 120), (45, 60)):
        pixels = np.full((height, width, 3), 200, np.uint8)
        masks.paint(pixels)
        assert not pixels[height // 2, width // 2].any()
        assert not pixels[round(height * 0.9) - 1, width // 2].any()
        assert (pixels[0] == 200).all()
        assert (pixels[-2, :5] == 200).all()


def test_masks_beyond_the_edge_or_without_area_are_painted_where_they_are() -> None:
    pixels = np.full((20, 20, 3), 9, np.uint8)
    PrivacyMasks([[(0.9, 0.9), (1, 0.9), (1, 1), (0.9, 1)], [(0, 0), (0, 0), (0, 0)]]).paint(pixels)
    assert not pixels[18:, 18:].any()
    assert not pixels[0, 0].any()
    assert pixels[10, 10].all()
