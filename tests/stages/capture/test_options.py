"""What a camera may be told, and what its source names."""

import pytest
from pydantic import ValidationError

from stages.capture.address import SourceKind, device_number, kind_of, path_of
from stages.capture.options import CameraOptions


@pytest.mark.parametrize(
    ("source", "kind", "live"),
    [
        ("rtsp://user:pass@10.0.0.7:554/stream?x=1", SourceKind.RTSP, True),
        ("RTSPS://host/stream", SourceKind.RTSP, True),
        ("http://host/video.mjpg", SourceKind.HTTP, True),
        ("usb:1", SourceKind.USB, True),
        ("/dev/video2", SourceKind.USB, True),
        ("0", SourceKind.USB, True),
        ("clips/a:b.mp4", SourceKind.PATH, False),
        ("C:/clips/a.mp4", SourceKind.PATH, False),
        ("file:///clips/a%20b.mp4", SourceKind.PATH, False),
        ("synthetic:640x360@10", SourceKind.SYNTHETIC, True),
        ("synthetic:640x360@10?frames=5&recording=yes", SourceKind.SYNTHETIC, False),
    ],
)
def test_a_source_names_how_it_is_reached(source: str, kind: SourceKind, live: bool) -> None:
    assert kind_of(source) is kind
    assert CameraOptions(source=source).live is live


def test_a_number_is_a_device() -> None:
    options = CameraOptions.model_validate({"source": 3})
    assert device_number(options.source) == 3


def test_a_file_url_is_a_path() -> None:
    assert path_of("file:///clips/a%20b.mp4") == "/clips/a b.mp4"


@pytest.mark.parametrize("source", ["ftp://joe:secret@host/x", "rtsp:///stream", "http://", "synthetic:640", "", True])
def test_what_nothing_can_read_is_refused_without_its_password(source: object) -> None:
    with pytest.raises(ValidationError) as refusal:
        CameraOptions.model_validate({"source": source})
    assert "secret" not in refusal.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": "a.mp4", "fps": 0},
        {"source": "a.mp4", "start_time": "2026-01-01T00:00:00"},
        {"source": "rtsp://h/x", "start_time": "2026-01-01T00:00:00Z"},
        {"source": "rtsp://h/x", "realtime": True},
        {"source": "a.mp4", "masks": [[[0, 0], [1, 1]]]},
        {"source": "a.mp4", "masks": [[[0, 0], [1, 1], [2, 0]]]},
        {"source": "a.mp4", "transport": "quic"},
        {"source": "a.mp4", "backend": "vlc"},
        {"source": "a.mp4", "reconnect": {"first_s": 9, "max_s": 3}},
        {"source": "a.mp4", "frames": 5},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CameraOptions.model_validate(wrong)


def test_a_recording_in_real_time_counts_as_live() -> None:
    assert CameraOptions(source="a.mp4", realtime=True).live


def test_the_source_does_not_show_in_a_printed_option() -> None:
    assert "secret" not in repr(CameraOptions(source="rtsp://joe:secret@h/x"))
