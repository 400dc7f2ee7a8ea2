"""How many frames a recording says that it has: for a progress bar, nothing else."""

from pathlib import Path

from stages.capture.address import SourceKind, kind_of, path_of
from stages.capture.options import CameraOptions


def count_frames(options: CameraOptions) -> int | None:
    """The number in the container's header, or None where there is none; it may be wrong. Opens no decoder."""
    path = Path(path_of(options.source)) if kind_of(options.source) is SourceKind.PATH else None
    if path is None or not path.is_file():
        return None
    import av

    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            if stream.frames:
                return int(stream.frames)
            if stream.duration and stream.time_base and stream.average_rate:
                return int(stream.duration * stream.time_base * stream.average_rate)
    except (av.error.FFmpegError, IndexError):
        return None
    return None
