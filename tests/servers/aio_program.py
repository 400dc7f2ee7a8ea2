"""Program: serve the mp4 files of a folder over RTSP (TCP) with aio-rtsp-toolkit, until standard input closes.

Usage: aio_program.py FOLDER PORT CONTROL_PORT
"""

import asyncio
import concurrent.futures
import os
import sys
import threading
from typing import Any

LOOK_S = 0.2


def _exit_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def _put_once(
    session: object, loop: asyncio.AbstractEventLoop, queue: "asyncio.Queue[Any]", item: Any, stop: threading.Event
) -> bool:
    """Hand a packet from the thread that reads to the one that sends; whether it was taken.

    The package's own way asks again when it gets no answer in time, though the packet may just have been taken: about
    one of a thousand was sent twice on a busy machine, and pictures were damaged from there to the next key frame.
    """
    future = asyncio.run_coroutine_threadsafe(queue.put(item), loop)
    while not stop.is_set():
        done, _ = concurrent.futures.wait([future], timeout=LOOK_S)
        if done:
            return not future.cancelled() and future.exception() is None
    future.cancel()
    return False


def main() -> None:
    from aio_rtsp_toolkit import server, server_streaming  # type: ignore[import-untyped]  # ships no types

    mixins = [each for each in vars(server_streaming).values() if hasattr(each, "_threadsafe_queue_put")]
    for mixin in mixins:
        mixin._threadsafe_queue_put = _put_once
    assert mixins, "aio-rtsp-toolkit has changed: does it still send packets twice?"
    folder, port, control_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    asyncio.run(server.serve(folder, "127.0.0.1", port, control_port=control_port))


if __name__ == "__main__":
    main()
