"""A real MJPEG camera over HTTP on loopback."""

import sys
from collections.abc import Iterable
from pathlib import Path

from pipeline.stage import Picture
from tests.servers.process import ServerProcess, free_port

PROGRAM = Path(__file__).resolve().parent / "mjpeg_program.py"


def mjpeg_server(folder: Path, *, rate: float = 10.0, credentials: str = "") -> ServerProcess:
    """Serve each subfolder of JPEG files at ``url/NAME``; ``credentials`` is ``user:password``."""
    port = free_port()
    command = [sys.executable, str(PROGRAM), str(folder), str(port), str(rate), *([credentials] if credentials else [])]
    return ServerProcess(command, port=port, url=f"http://127.0.0.1:{port}")


def write_jpegs(folder: Path, pictures: Iterable[Picture]) -> None:
    """Fill a folder for ``mjpeg_server``."""
    import cv2

    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        assert cv2.imwrite(str(folder / f"{number:06d}.jpg"), picture)
