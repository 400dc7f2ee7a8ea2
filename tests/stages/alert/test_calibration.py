from math import cos, radians, sin, tan
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from stages.alert.calibration import Calibration
from stages.alert.ground import Ground, homography
from stages.alert.options import RuleOptions
from stages.alert.rules.speeding import Speeding

PICTURE = [[0.2, 0.9], [0.8, 0.9], [0.6, 0.4], [0.4, 0.4]]
GROUND = [[0, 0], [5, 0], [5, 15], [0, 15]]
SCALE = {"height_m": 1.75, "near": [0.95, 0.45], "far": [0.5, 0.35], "view_deg": 70}


def four(**changes: Any) -> Calibration:
    return Calibration.model_validate({"homography": {"picture": PICTURE, "ground_m": GROUND}, **changes})


def refusal(**options: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        Calibration.model_validate(options)
    first, *others = caught.value.errors()
    assert others == []
    return str(first["msg"])


class Camera:
    """A pinhole camera, for pictures of 16:9, that looks down at a flat ground."""

    def __init__(self, height_m: float, tilt_deg: float, view_deg: float) -> None:
        self.height_m, self.tilt, self.aspect = height_m, radians(tilt_deg), 16 / 9
        self.focal = self.aspect / 2 / tan(radians(view_deg) / 2)

    def shows(self, right_m: float, away_m: float, up_m: float = 0.0) -> tuple[float, float]:
        """Shares of the picture where a point of the world appears."""
        below = self.height_m - up_m
        down = below * cos(self.tilt) - away_m * sin(self.tilt)
        ahead = below * sin(self.tilt) + away_m * cos(self.tilt)
        return 0.5 + self.focal * right_m / ahead / self.aspect, 0.5 + self.focal * down / ahead


def ground(calibration: Calibration) -> Ground:
    return calibration.ground(width=1920, height=1080)


def test_the_four_points_lie_where_it_was_said() -> None:
    assert ground(four()).metres(np.array(PICTURE)) == pytest.approx(np.array(GROUND), abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(
    st.floats(2, 12),
    st.floats(5, 60),
    st.floats(30, 110),
    st.lists(st.tuples(st.floats(-8, 8), st.floats(2, 30)), min_size=1, max_size=5),
)
def test_four_points_of_any_camera_give_the_whole_ground(
    height_m: float, tilt_deg: float, view_deg: float, places: list[tuple[float, float]]
) -> None:
    camera = Camera(height_m, tilt_deg, view_deg)
    corners = [(-3.0, 4.0), (3.0, 4.0), (3.0, 12.0), (-3.0, 12.0)]
    measured = Ground(homography([camera.shows(*corner) for corner in corners], corners), max_error_m=1e9)
    seen = np.array([camera.shows(*place) for place in places])
    assert (measured.depth(seen) > 0).all()
    assert measured._project(seen) == pytest.approx(np.array(places), abs=1e-4)


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 35), st.floats(50, 100), st.floats(2.5, 10), st.floats(-2, 2), st.floats(-2, 2))
def test_a_scale_measures_ways_across_and_away(
    tilt_deg: float, view_deg: float, height_m: float, right_m: float, on_m: float
) -> None:
    camera = Camera(height_m, tilt_deg, view_deg)
    away = [away / 10 for away in range(10, 600) if all(0 < camera.shows(0, away / 10, up)[1] < 1 for up in (0, 1.75))]
    assume(len(away) > 20)
    rows = [(camera.shows(0, each)[1], camera.shows(0, each, 1.75)[1]) for each in (away[0], away[-1])]
    assume(rows[0][0] - rows[1][0] > 0.06 and all(feet - head > 0.03 for feet, head in rows))
    scale = {"height_m": 1.75, "near": rows[0], "far": rows[1], "view_deg": view_deg}
    measured = ground(Calibration.model_validate({"scale": scale, "max_error_m": 100}))
    middle = away[len(away) // 2]
    here, there = measured.metres(np.array([camera.shows(0, middle), camera.shows(right_m, middle + on_m / 10)]))
    assert there - here == pytest.approx([right_m, on_m / 10], abs=0.001)


def test_a_scale_depends_on_the_aspect_of_the_picture() -> None:
    calibration = Calibration.model_validate({"scale": SCALE})
    ends = np.array([[0.3, 0.9], [0.7, 0.9]])
    wide, narrow = (calibration.ground(width=width, height=1000).metres(ends) for width in (2000, 1000))
    assert np.ptp(wide[:, 0]) == pytest.approx(2 * np.ptp(narrow[:, 0]), rel=0.05)


def test_pictures_of_a_shape_that_a_scale_does_not_fit_are_not_measured(caplog: pytest.LogCaptureFixture) -> None:
    scale = {"height_m": 1.75, "near": [0.95, 0.5], "far": [0.5, 0.06], "view_deg": 90}
    calibration = Calibration.model_validate({"scale": scale, "max_error_m": 5})
    assert calibration.ground(width=1920, height=1080).reaches(np.array([[0.5, 0.9]])).all()
    assert not calibration.ground(width=300, height=1000).reaches(np.array([[0.5, 0.9]])).any()
    assert "pictures of 300 x 1000: " in caplog.text


def test_what_is_above_the_horizon_or_out_of_reach_has_no_place() -> None:
    measured = ground(four())
    assert np.isnan(measured.metres(np.array([[0.5, 0.05], [0.5, 0.3]]))).all()
    assert measured.reaches(np.array([[0.5, 0.9], [0.5, 0.3], [0.5, 0.05]])).tolist() == [True, False, False]
    assert ground(four(max_error_m=50)).reaches(np.array([[0.5, 0.3]])).all()


@pytest.mark.parametrize(
    ("picture", "ground_m", "line"),
    [
        (
            [[0.2, 0.9], [0.5, 0.9], [0.8, 0.9], [0.4, 0.4]],
            GROUND,
            "points 1, 2 and 3 of picture lie on one line: choose corners that spread over the ground",
        ),
        (PICTURE, [[0, 0], [5, 0], [5, 15], [2.5, 7.5]], "points 1, 3 and 4 of ground_m lie on one line"),
        ([PICTURE[0], PICTURE[2], PICTURE[1], PICTURE[3]], GROUND, "the four points of picture make no simple"),
        (PICTURE, [GROUND[0], GROUND[2], GROUND[1], GROUND[3]], "the four points of ground_m make no simple"),
        ([[0.2, 0.9], [0.8, 0.9], [0.45, 0.7], [0.4, 0.4]], GROUND, "the four points of picture make no simple"),
        (PICTURE[:3], GROUND, "picture needs exactly 4 points, got 3"),
        ([[200, 900], *PICTURE[1:]], GROUND, "point 1 is (200, 900); coordinates are shares of the picture"),
    ],
)
def test_points_that_fix_no_ground_are_refused(picture: Any, ground_m: Any, line: str) -> None:
    assert line in refusal(homography={"picture": picture, "ground_m": ground_m})


def test_a_mapping_that_a_small_error_upsets_is_refused() -> None:
    flat = [[0.1, 0.5], [0.9, 0.5], [0.6, 0.46], [0.4, 0.46]]
    line = refusal(homography={"picture": flat, "ground_m": [[0, 0], [8, 0], [8, 30], [0, 30]]})
    assert "homography: point 1 (0.1, 0.5) is out of reach: an error of 1 % of the picture moves it " in line
    assert line.endswith("(max_error_m is 1)")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"near": [0.45, 0.95]}, "the feet must be lower"),
        ({"near": [950, 450]}, "rows are shares of the picture's height"),
        ({"far": [0.94, 0.5]}, "near must be lower in the picture"),
        ({"far": [0.5, 0.0]}, "who stands far away must look smaller than who stands near"),
        ({"near": [0.99, 0.9], "far": [0.92, 0.9], "view_deg": 120}, "the camera would look down by -"),
        ({"near": [0.95, 0.5], "far": [0.05, 0.0], "view_deg": 150}, "the camera would look down by 6"),
    ],
)
def test_a_scale_that_fits_no_ground_is_refused(changes: dict[str, Any], line: str) -> None:
    assert line in refusal(scale={**SCALE, **changes})


def test_one_of_the_two_and_not_both() -> None:
    assert "either scale or homography" in refusal()
    assert "either scale or homography" in refusal(scale=SCALE, homography={"picture": PICTURE, "ground_m": GROUND})


def test_a_zone_beyond_the_horizon_or_out_of_reach_is_refused() -> None:
    for row, line in (
        (0.05, "point 3 (0.9, 0.05) lies above the horizon"),
        (0.3, "point 3 (0.9, 0.3) is out of reach"),
    ):
        with pytest.raises(ValidationError, match="zone: ") as caught:
            Speeding.Options.model_validate(
                {
                    "limit_mps": 2,
                    "zone": [[0.1, 0.9], [0.9, 0.9], [0.9, row], [0.1, row]],
                    "calibration": {"homography": {"picture": PICTURE, "ground_m": GROUND}},
                }
            )
        assert line in str(caught.value)


def test_options_survive_being_written_down() -> None:
    options = RuleOptions.model_validate({"rule": "x", "calibration": {"scale": SCALE}})
    assert RuleOptions.model_validate_json(options.model_dump_json()) == options
