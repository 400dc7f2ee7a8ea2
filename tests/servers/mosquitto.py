"""A real MQTT broker, mosquitto, with passwords and on request with TLS."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers.process import ServerProcess, free_port

USER, PASSWORD = "gatekeeper", "open-sesame-4711"


def mosquitto(
    folder: Path, *, certificate: Path | None = None, client_ca: Path | None = None, more: str = ""
) -> ServerProcess:
    """A broker on a free port. ``certificate``: of the broker, with its key; ``client_ca``: clients must show one."""
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None or shutil.which("mosquitto_passwd") is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    port = free_port()
    passwords = folder / "passwords"
    passwords.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), USER, PASSWORD], check=True, capture_output=True)
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous false", f"password_file {passwords}", "log_dest none", more]
    if os.geteuid() == 0:
        lines.append("user root")  # it would give up the right to read the test's files
    if certificate is not None:
        lines += [f"certfile {certificate}", f"keyfile {certificate}"]
    if client_ca is not None:
        lines += [f"cafile {client_ca}", "require_certificate true"]
    file = folder / "mosquitto.conf"
    file.write_text("\n".join(lines) + "\n")
    return ServerProcess([program, "-c", str(file)], port=port, url=f"mqtt://127.0.0.1:{port}", directory=folder)
