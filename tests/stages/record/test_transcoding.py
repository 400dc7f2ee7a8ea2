from pathlib import Path

import av
import pytest

from pipeline.stage import Picture
from stages.record.gops import Arrival
from stages.record.muxing import WHOLE, Muxer
from stages.record.transcoding import Transcoder
from tests.servers.clips import write_clip
from tests.stages.record.conftest import numbers, times


def paint(pixels: Picture) -> None:
    pixels[120:200, 100:200] = 0


def encoded(source: Path, target: Path, *, masked: bool) -> int:
    """Encode it again; how many key frames."""
    keys = 0
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        transcoder = Transcoder(stream, paint=paint if masked else None, quality=18)
        with Muxer(target, transcoder.template, options=WHOLE) as muxer:
            for packet in container.demux(stream):
                for made in transcoder.convert(Arrival(packet, 0)):
                    muxer.add(made.packet)
                    keys += made.packet.is_keyframe
    return keys


@pytest.mark.parametrize("codec", ["rawvideo", "mjpeg", "libx264"])
def test_what_cannot_be_copied_is_encoded_picture_by_picture_at_the_same_times(tmp_path: Path, codec: str) -> None:
    source = write_clip(tmp_path / "source.avi", frames=30, codec=codec)
    assert encoded(source, tmp_path / "made.mp4", masked=False) == 2
    assert numbers(tmp_path / "made.mp4") == list(range(30))
    first = times(source)[0]
    assert times(tmp_path / "made.mp4") == [pytest.approx(each - first) for each in times(source)]


def test_what_a_mask_hides_is_black_in_every_picture(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "source.mp4", frames=20)
    encoded(source, tmp_path / "made.mp4", masked=True)
    with av.open(str(tmp_path / "made.mp4")) as container:
        pictures = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert len(pictures) == 20
    assert all(picture[125:195, 105:195].astype(int).max() < 24 for picture in pictures)
    assert all(picture[:100].astype(int).max() > 128 for picture in pictures)
