"""One table for both backends: what a source must do, whatever decodes it, against real servers and files."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import SourceEnded, SourceError, SourceRefused, SourceStalled
from pipeline.stage import Source
from tests.servers.clips import pattern_pictures, write_clip
from tests.servers.mjpeg import mjpeg_server, write_jpegs
from tests.servers.process import free_port
from tests.servers.reading import read_some, source_of
from tests.servers.rtsp import RtspServer, aio_rtsp_server, file_launch, gst_rtsp_server
from tests.servers.silent import silent_server

RATE = 25
CLIP = f"synthetic:320x240@{RATE}"
LATEST_S = 15.0
"""Margin over a timeout, for a busy machine: half of what OpenCV takes if it is not asked for less."""

pytestmark = pytest.mark.parametrize("backend", ["opencv", "pyav"])


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_clip(folder / "h264.mp4", source=CLIP, frames=1500)
    write_clip(folder / "hevc.mp4", source=CLIP, frames=60, codec="libx265")
    write_clip(folder / "mjpeg.mov", source=CLIP, frames=60, codec="mjpeg")
    return folder


@pytest.fixture(scope="module")
def mounts(clips: Path) -> dict[str, str]:
    return {
        "/h264": file_launch(clips / "h264.mp4"),
        "/hevc": file_launch(clips / "hevc.mp4", "hevc"),
        "/mjpeg": file_launch(clips / "mjpeg.mov", "mjpeg"),
    }


@pytest.fixture(scope="module")
def camera(mounts: dict[str, str]) -> Iterator[RtspServer]:
    with gst_rtsp_server(mounts) as server:
        yield server


@pytest.fixture
def opened() -> Iterator[list[Source]]:
    sources: list[Source] = []
    yield sources
    for source in sources:
        source.close()


# ---- recordings


@pytest.mark.parametrize("name", ["h264.mp4", "hevc.mp4", "mjpeg.mov"])
def test_a_file_gives_each_of_its_frames_once_with_its_time(backend: str, clips: Path, name: str) -> None:
    source = source_of(str(clips / name), backend=backend)
    source.open()
    reading = read_some(source, 60)
    source.close()
    assert not source.live
    assert reading.barcodes == list(range(60))
    expected = [number * 1_000_000_000 // RATE for number in range(60)]
    assert np.abs(np.subtract(np.asarray(reading.pts_ns, float), expected)).max() < 1_000


def test_a_file_ends_with_source_ended_and_reads_the_same_again(backend: str, tmp_path: Path) -> None:
    source = source_of(str(write_clip(tmp_path / "clip.mp4", frames=12)), backend=backend)
    source.open()
    first = read_some(source, 99)
    source.open()
    second = read_some(source, 99)
    source.close()
    assert isinstance(first.error, SourceEnded)
    assert source.frames == 12
    assert [grab.pixels.tobytes() for grab in first.grabs] == [grab.pixels.tobytes() for grab in second.grabs]
    assert first.pts_ns == second.pts_ns


def test_pictures_are_decoded_into_the_canvas(backend: str, clips: Path) -> None:
    source = source_of(str(clips / "h264.mp4"), backend=backend)
    source.open()
    canvas = np.zeros((240, 320, 3), np.uint8)
    grabs = [source.read(canvas) for _ in range(5)]
    other = source.read(np.zeros((48, 64, 3), np.uint8))
    source.close()
    assert all(np.shares_memory(grab.pixels, canvas) for grab in grabs)
    assert other.pixels.shape == (240, 320, 3)


def test_colours_are_those_of_the_pattern(backend: str, clips: Path) -> None:
    drawn = next(iter(pattern_pictures(CLIP, 1))).astype(int)
    for name in ("h264.mp4", "mjpeg.mov"):
        source = source_of(str(clips / name), backend=backend)
        source.open()
        seen = source.read(None).pixels.astype(int)
        source.close()
        assert np.abs(seen - drawn).mean() < 4, name


def test_uneven_frame_times_come_through(backend: str, tmp_path: Path) -> None:
    at = [0, 40, 80, 500, 520, 2000, 2040]
    clip = write_clip(tmp_path / "uneven.mp4", frames=len(at), at=at)
    source = source_of(str(clip), backend=backend)
    source.open()
    reading = read_some(source, 99)
    source.close()
    assert [round((pts or 0) / 1e6) for pts in reading.pts_ns] == at


def test_a_recording_without_times_still_has_them(backend: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "raw.h264", frames=10, container="h264")
    source = source_of(str(clip), backend=backend)
    source.open()
    reading = read_some(source, 99)
    source.close()
    assert reading.barcodes == list(range(10))
    times = [pts for pts in reading.pts_ns if pts is not None]
    assert len(times) == 10
    assert times == sorted(set(times))


def test_a_cut_off_recording_is_reported(backend: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = write_clip(tmp_path / "whole.avi", frames=60, codec="mpeg4").read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    source = source_of(str(tmp_path / "cut.avi"), backend=backend)
    source.open()
    reading = read_some(source, 99)
    source.close()
    assert isinstance(reading.error, SourceEnded)
    assert 5 < len(reading.barcodes) < 55
    assert "s are missing; it is damaged or cut off" in caplog.text


def test_a_phone_recording_is_turned_upright(backend: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "phone.mp4", frames=3)
    data = bytearray(clip.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    one, minus = 0x10000, 0xFFFF0000
    quarter = (0, one, 0, minus, 0, 0, 240 * one, 0, 0x40000000)
    data[matrix : matrix + 36] = b"".join(value.to_bytes(4, "big") for value in quarter)
    clip.write_bytes(data)
    source = source_of(str(clip), backend=backend)
    source.open()
    pixels = source.read(None).pixels
    source.close()
    drawn = next(iter(pattern_pictures("synthetic:320x240@10", 1)))
    assert pixels.shape == (320, 240, 3)
    assert np.abs(np.rot90(drawn, -1).astype(int) - pixels).mean() < 4


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("absent.mp4", None, "no such file"),
        ("text.mp4", b"no video\n" * 99, "not a video"),
        ("empty.mp4", b"", "not a"),
    ],
)
def test_what_is_no_video_is_refused(backend: str, tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    source = source_of(str(tmp_path / name), backend=backend)
    with pytest.raises(SourceRefused, match=said):
        source.open()


def test_a_size_change_in_a_file_loses_no_picture(backend: str, tmp_path: Path) -> None:
    parts = []
    for size in ("320x240", "448x336"):
        part = write_clip(tmp_path / f"{size}.h264", frames=6, source=f"synthetic:{size}@10", container="h264")
        parts.append(part.read_bytes())
    (tmp_path / "both.h264").write_bytes(b"".join(parts))
    source = source_of(str(tmp_path / "both.h264"), backend=backend)
    source.open()
    reading = read_some(source, 99, np.zeros((240, 320, 3), np.uint8))
    source.close()
    assert reading.barcodes == [0, 1, 2, 3, 4, 5] * 2


def test_video_that_crashes_opencv_is_read_without_harm(backend: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "raw.avi", frames=5, codec="rawvideo")
    data = bytearray(clip.read_bytes())
    height = data.index(b"strf") + 16
    data[height : height + 4] = (240).to_bytes(4, "little")  # stored bottom-up, as the format's first users did
    clip.write_bytes(data)
    assert "5 frames" in _in_a_process(clip, backend)


@pytest.mark.footage
def test_the_footage_that_crashes_opencv_is_read_without_harm(backend: str, footage: Path) -> None:
    assert "51 frames" in _in_a_process(footage / "videos/bgslib/demo.avi", backend)


def _in_a_process(clip: Path, backend: str) -> str:
    program = (
        "import sys; from tests.servers.reading import read_some, source_of\n"
        "source = source_of(sys.argv[1], backend=sys.argv[2]); source.open(); print(read_some(source, 99).error)"
    )
    command = [sys.executable, "-c", program, str(clip), backend]
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- streams


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("path", ["/h264", "/hevc", "/mjpeg"])
def test_a_stream_gives_every_frame(
    backend: str, camera: RtspServer, opened: list[Source], path: str, transport: str
) -> None:
    source = source_of(camera.url + path, backend=backend, transport=transport)
    opened.append(source)
    source.open()
    canvas = np.zeros((240, 320, 3), np.uint8)
    reading = read_some(source, 20, canvas)
    assert source.live
    assert reading.barcodes == list(range(20))
    assert all(np.shares_memory(grab.pixels, canvas) for grab in reading.grabs)
    known = [pts for pts in reading.pts_ns[2:] if pts is not None]
    assert len(known) == 18
    assert np.allclose(np.diff(known), 1e9 / RATE, atol=2e6)


def test_a_stream_of_the_other_server_gives_every_frame(backend: str, clips: Path, opened: list[Source]) -> None:
    with aio_rtsp_server(clips) as server:
        source = source_of(f"{server.url}/h264.mp4?play_count=0", backend=backend)
        opened.append(source)
        source.open()
        assert read_some(source, 20).barcodes == list(range(20))
        with pytest.raises(SourceRefused, match="no such stream"):
            source_of(f"{server.url}/absent.mp4", backend=backend).open()


@pytest.mark.parametrize("scheme", ["basic", "digest"])
def test_credentials_are_used_and_never_told(
    backend: str, mounts: dict[str, str], opened: list[Source], scheme: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with gst_rtsp_server(mounts, auth=scheme, user="joe", password="open-sesame") as server:  # type: ignore[arg-type]  # a parametrised literal
        source = source_of(server.url_as("joe", "open-sesame") + "/h264", backend=backend)
        opened.append(source)
        source.open()
        assert read_some(source, 3).barcodes == [0, 1, 2]
        for url in (server.url_as("joe", "wrong-password"), server.url):
            with pytest.raises(SourceRefused, match="check user and password") as refusal:
                source_of(url + "/h264", backend=backend).open()
            assert "wrong-password" not in repr(refusal.value)
            assert refusal.value.__cause__ is None
    assert "password" not in "".join(capfd.readouterr())


def test_a_transport_that_the_server_does_not_offer_is_refused(backend: str, mounts: dict[str, str]) -> None:
    with (
        gst_rtsp_server(mounts, protocol="tcp") as server,
        pytest.raises(SourceRefused, match="does not offer this transport"),
    ):
        source_of(server.url + "/h264", backend=backend, transport="udp").open()


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_closed_port_is_told_at_once(backend: str, scheme: str) -> None:
    source = source_of(f"{scheme}://joe:open-sesame@127.0.0.1:{free_port()}/x", backend=backend)
    with pytest.raises(SourceError, match="nothing listens there") as failure:
        source.open()
    assert not isinstance(failure.value, SourceRefused)
    assert "open-sesame" not in str(failure.value)


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_server_that_says_nothing_is_given_up_in_time(backend: str, scheme: str) -> None:
    with silent_server() as address:
        source = source_of(f"{scheme}://{address}/x", backend=backend, open_timeout_s=1.0)
        began = time.monotonic()
        with pytest.raises(SourceStalled, match="no answer within 1 s"):
            source.open()
        assert 0.8 < time.monotonic() - began < 1 + LATEST_S


def test_a_killed_server_is_told_at_once_and_a_new_one_is_found(
    backend: str, mounts: dict[str, str], opened: list[Source]
) -> None:
    with gst_rtsp_server(mounts) as server:
        source = source_of(server.url + "/h264", backend=backend)
        opened.append(source)
        source.open()
        assert read_some(source, 3).error is None
        server.kill()
        began = time.monotonic()
        error = read_some(source, 200).error
        assert error is not None
        assert "closed the stream" in str(error)
        assert time.monotonic() - began < LATEST_S
        with pytest.raises(SourceError, match="nothing listens"):
            source.open()
        server.start()
        source.open()
        assert read_some(source, 3).barcodes == [0, 1, 2]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_frozen_server_is_a_stall_within_the_read_timeout(
    backend: str, mounts: dict[str, str], opened: list[Source], transport: str
) -> None:
    with gst_rtsp_server(mounts) as server:
        source = source_of(server.url + "/h264", backend=backend, transport=transport, read_timeout_s=1.5)
        opened.append(source)
        source.open()
        assert read_some(source, 3).error is None
        server.freeze()
        _assert_stall(source, 1.5)
        server.resume()
        source.open()
        assert read_some(source, 3).error is None


def _assert_stall(source: Source, timeout_s: float) -> None:
    """What lay in buffers may still come, in order; then the stall, one timeout after the last picture."""
    last = time.monotonic()
    for _ in range(200):
        try:
            source.read(None)
        except SourceStalled:
            break
        assert time.monotonic() - last < LATEST_S, "a picture came late and was not taken for a stall"
        last = time.monotonic()
    assert 0.8 * timeout_s < time.monotonic() - last < timeout_s + LATEST_S
    began = time.monotonic()
    source.close()
    assert time.monotonic() - began < LATEST_S


# ---- MJPEG over HTTP


@pytest.fixture(scope="module")
def jpegs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("jpegs")
    write_jpegs(folder / "cam", pattern_pictures(CLIP, 20))
    write_jpegs(folder / "resized", pattern_pictures(f"{CLIP}?size=10:448x336", 20))
    write_jpegs(folder / "long", pattern_pictures(CLIP, 500))
    return folder


def test_mjpeg_over_http_gives_every_picture_and_makes_up_no_times(backend: str, jpegs: Path) -> None:
    with mjpeg_server(jpegs, rate=RATE, credentials="joe:open-sesame") as server:
        url = server.url.replace("//", "//joe:open-sesame@")
        source = source_of(f"{url}/cam", backend=backend)
        source.open()
        reading = read_some(source, 99)
        source.close()
        for wrong, said in ((f"{server.url}/cam", "check user and password"), (f"{url}/absent", "no such stream")):
            with pytest.raises(SourceRefused, match=said):
                source_of(wrong, backend=backend).open()
    assert reading.barcodes == list(range(20))
    assert reading.pts_ns == [None] * 20
    assert "closed the stream" in str(reading.error)


def test_a_size_change_in_a_stream_loses_no_picture(backend: str, jpegs: Path) -> None:
    with mjpeg_server(jpegs, rate=RATE) as server:
        source = source_of(f"{server.url}/resized", backend=backend)
        source.open()
        reading = read_some(source, 99, np.zeros((240, 320, 3), np.uint8))
        source.close()
    assert reading.barcodes == list(range(20))
    stretched = (240, 320, 3) if backend == "opencv" else (336, 448, 3)
    assert [grab.pixels.shape for grab in reading.grabs[10:]] == [stretched] * 10


def test_a_frozen_http_camera_is_a_stall_within_the_read_timeout(backend: str, jpegs: Path) -> None:
    with mjpeg_server(jpegs, rate=RATE) as server:
        source = source_of(f"{server.url}/long", backend=backend, read_timeout_s=1.0)
        source.open()
        assert read_some(source, 3).error is None
        server.freeze()
        _assert_stall(source, 1.0)


# ---- devices


def test_an_absent_device_is_refused_and_named(backend: str) -> None:
    with pytest.raises(SourceRefused, match="no camera at /dev/video93"):
        source_of("usb:93", backend=backend).open()
