"""Program: serve the mp4 files of a folder over RTSP (TCP) with aio-rtsp-toolkit, until standard input closes.

Usage: aio_program.py FOLDER PORT CONTROL_PORT
"""

import asyncio
import os
import sys
import threading


def _exit_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    from aio_rtsp_toolkit import server  # type: ignore[import-untyped]  # ships no types

    folder, port, control_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    asyncio.run(server.serve(folder, "127.0.0.1", port, control_port=control_port))


if __name__ == "__main__":
    main()
