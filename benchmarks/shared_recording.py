"""What recording over a shared connection costs: processor time for each second of video.

    python -m benchmarks.shared_recording VIDEO [--size 1280x720] [--fps 25] [--frames 250] [--quality 23]

The frames of VIDEO, scaled, go the way they go between capture and recorder (``pipeline.shared_frames``), in one
process and one after the other, so that each step can be told apart: what capture does (copy and announce), what the
recorder does to have them (copy), and encoding. Seconds of processor time are those of all threads.
"""

import argparse
import itertools
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from pipeline.clock import SECOND
from pipeline.messages import Frame
from pipeline.shared_frames import FrameSharer, SharedFrames
from pipeline.stage import Captured, Picture
from stages.record.encoding import Encoder
from stages.record.shared_stream import KEY_S

KEPT = 100
"""Pictures in memory, which are shown to and fro."""


def pictures(video: Path, size: tuple[int, int]) -> Iterator[Picture]:
    """Frames of the video, without end."""
    with av.open(str(video)) as container:
        frames = itertools.islice(container.decode(video=0), KEPT)
        kept = [np.asarray(cv2.resize(frame.to_ndarray(format="bgr24"), size), np.uint8) for frame in frames]
    return itertools.cycle(kept + kept[-2:0:-1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--fps", type=float, default=25.0)
    parser.add_argument("--frames", type=int, default=250)
    parser.add_argument("--quality", type=int, default=23)
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    spent = {"capture: copy": 0.0, "recorder: copy": 0.0, "recorder: encode": 0.0}
    size = 0
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        address = Path(folder) / "frames"
        frames = SharedFrames(address)
        frames.open()
        sharer = FrameSharer(address, Path(folder), camera="bench", incarnation="one")
        encoder = Encoder(width=width, height=height, rate=options.fps, quality=options.quality, key_s=KEY_S)
        for number, pixels in enumerate(itertools.islice(pictures(options.video, (width, height)), options.frames)):
            at_ns = round(number * SECOND / options.fps)
            frame = Frame(camera="bench", session=0, index=number, media_ns=at_ns, wall_ns=at_ns)
            marks = [time.process_time()]
            sharer.share(Captured(frame, pixels, None, None))
            marks.append(time.process_time())
            shared = frames.next(1.0)
            marks.append(time.process_time())
            assert shared is not None
            size += sum(packet.size for packet in encoder.picture(shared.pixels, at_ns))
            marks.append(time.process_time())
            for step, (begun, ended) in zip(spent, itertools.pairwise(marks), strict=True):
                spent[step] += ended - begun
        sharer.close()
        frames.close()
    video_s = options.frames / options.fps
    print(f"{options.size} at {options.fps:g} frames a second, quality {options.quality}, {options.frames} frames")
    for step, seconds in spent.items():
        print(f"{step:18} {seconds / video_s:6.3f} s a second, {seconds / options.frames * 1000:6.2f} ms a frame")
    print(f"{size * 8 / video_s / 1e6:.2f} Mbit/s")


if __name__ == "__main__":
    main()
