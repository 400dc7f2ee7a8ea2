"""A PostgreSQL server of the tests' own: in a folder that goes away, on a free port of loopback, started once."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.process import STARTS_WITHIN_S, free_port

PASSWORD = "swordfish-and-chips"
_PLACES = ("/usr/lib/postgresql", "/usr/local/pgsql", "/opt/homebrew/opt")
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=40")


def programs() -> Path | None:
    """The folder with ``initdb`` and ``postgres``, the newest there is; None where there is none."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    folders = [path.parent for place in _PLACES for path in Path(place).glob("*/bin/initdb")]
    return max(folders, key=lambda path: path.parent.name, default=None)


@dataclass
class Postgres:
    """The server; can be stopped, as if its machine were restarted, and started again."""

    binaries: Path
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """With the password."""
        return self.url_of()

    def url_of(self, user: str = "bartizan", password: str = PASSWORD, database: str = "bartizan") -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Until it answers."""
        options = [f"-c{option}" for option in (*_FAST, f"unix_socket_directories={self.folder}")]
        command = [str(self.binaries / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*_unprivileged(), *command, "-h127.0.0.1", *options], stderr=log)
        deadline = time.monotonic() + STARTS_WITHIN_S
        while subprocess.run([self.binaries / "pg_isready", "-q", "-h127.0.0.1", f"-p{self.port}"]).returncode:
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "the server did not come up"
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """At once: who is connected is thrown out, with a word (``SIGINT``) or without (``SIGQUIT``)."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(STARTS_WITHIN_S)
            self.process = None

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        """What the server answers."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            found = connection.execute(statement)
            return found.fetchall() if found.description else []


def _unprivileged() -> list[str]:
    """PostgreSQL refuses to be root."""
    if os.geteuid():
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]


def _why_not() -> str:
    if programs() is None:
        return "PostgreSQL is not installed (apt-get install postgresql)"
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "psycopg is not installed (pip install 'bartizan[postgres]')"
    if not os.geteuid():
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return "as root there must be a user called postgres for its server"
        if shutil.which("setpriv") is None:
            return "as root setpriv is needed for its server (util-linux)"
    return ""


def make_server() -> Iterator[Postgres]:
    """Started; gone afterwards. Skips with the reason where there can be none."""
    if reason := _why_not():
        pytest.skip(reason)
    binaries = programs()
    assert binaries is not None
    folder = Path(tempfile.mkdtemp(prefix="bz-pg-", dir="/tmp"))
    try:
        (folder / "password").write_text(PASSWORD)
        if not os.geteuid():
            user = pwd.getpwnam("postgres")
            for path in (folder, folder / "password"):
                os.chown(path, user.pw_uid, user.pw_gid)
        command = [binaries / "initdb", "-D", folder / "data", "-U", "bartizan", "-A", "scram-sha-256", "-N"]
        options = [f"--pwfile={folder / 'password'}", "-E", "UTF8", "--locale=C", "--no-instructions"]
        made = [*_unprivileged(), *map(str, command), *options]
        subprocess.run(made, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        server = Postgres(binaries, folder, free_port())
        server.start()
        try:
            subprocess.run(
                [binaries / "createdb", "-h127.0.0.1", f"-p{server.port}", "-Ubartizan", "bartizan"],
                env={**os.environ, "PGPASSWORD": PASSWORD},
                check=True,
            )
            yield server
        finally:
            server.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
