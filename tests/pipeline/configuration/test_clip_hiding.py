"""What the note beside a clip says must be hidden before others see it."""

from pathlib import Path

import pytest

from pipeline.configuration.clip_hiding import to_hide
from pipeline.configuration.loading import load_config
from pipeline.role_key import RoleKey

MASKS = "[[[0, 0], [0.5, 0], [0.5, 0.5]]]"
CORNERS = [[[0.0, 0.0], [0.5, 0.0], [0.5, 0.5]]]


def hides(folder: Path, text: str, roles: str = "{}") -> dict[str, object]:
    path = folder / "x.yml"
    (folder / "clip.mp4").touch()
    path.write_text(
        f"cameras: {{gate: {{source: clip.mp4, masks: {MASKS}}}}}\nstages: {{{text}}}\nintegrity: {{roles: {roles}}}\n"
    )
    return to_hide(load_config(path), "gate")


def test_everybody_whom_pictures_do_not_show_is_hidden(tmp_path: Path) -> None:
    assert hides(tmp_path, "record: {}, evidence: {people: [person, worker]}")["people"] == ["person", "worker"]
    assert hides(tmp_path, "record: {}, evidence: {blur: none}")["people"] == []


def test_the_note_tells_whose_key_a_clip_takes_though_nothing_of_its_event_is_sealed(tmp_path: Path) -> None:
    public = RoleKey.make(tmp_path / "role.identity", "investigator").public
    assert hides(tmp_path, "record: {}")["roles"] == []
    roles = f"{{investigator: {public.upper()}}}"
    assert hides(tmp_path, "record: {}, evidence: {original: false}", roles)["roles"] == [public]


@pytest.mark.parametrize(("unmasked", "areas"), [("false", []), ("true", CORNERS)])
def test_masks_that_the_recording_lacks_are_hidden(tmp_path: Path, unmasked: str, areas: list[object]) -> None:
    assert hides(tmp_path, f"record: {{unmasked: {unmasked}}}")["areas"] == areas
