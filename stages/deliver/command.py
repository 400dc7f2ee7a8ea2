"""Sink: a program of the user's own, started for each message."""

import logging
import os
import selectors
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from shutil import which
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr, field_validator

from pipeline.errors import DeliveryError
from pipeline.messages import Event
from pipeline.redaction import redact, register_secret
from stages.deliver.options import Fault
from stages.deliver.past import LooksBack
from stages.deliver.payload import PayloadOptions

logger = logging.getLogger(__name__)

_OUTPUT_BYTES = 4096
_SHOWN = 300
_IGNORED_BY_US = (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)


def _is_list(command: Any) -> Any:
    if isinstance(command, str):
        raise ValueError(f"write the program and its arguments as a list, such as [{', '.join(command.split())}]")
    return command


class CommandOptions(PayloadOptions):
    """A program that gets each message on its standard input."""

    command: Annotated[tuple[str, ...], BeforeValidator(_is_list)] = Field(
        min_length=1, description="The program and its arguments. No shell reads them; name one if you want it."
    )
    environment: dict[str, SecretStr] = Field(
        default={}, description="Further variables of its environment; it has ours, and BARTIZAN_KEY and others."
    )
    timeout_s: float = Field(default=30.0, gt=0, le=3600, description="After this it is killed with all it started.")

    @field_validator("command")
    @classmethod
    def _is_command(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        if not command[0].strip() or any("\0" in word for word in command):
            raise ValueError("must begin with the name of a program")
        return command

    @field_validator("environment")
    @classmethod
    def _are_variables(cls, environment: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, value in environment.items():
            if not name or "=" in name or "\0" in name + value.get_secret_value():
                raise ValueError(f"{name!r} cannot be a variable of an environment")
        return environment

    def faults(self) -> Iterator[Fault]:
        """A program that is not there, and a broken template."""
        yield from super().faults()
        if which(self.command[0]) is None:
            yield ("command", 0), f"no program {self.command[0]!r} that may be run: give its path, or check PATH"


class CommandSink(LooksBack):
    """Starts the program for each message; its exit code 0 acknowledges it.

    The message is on its standard input, the idempotency key in ``BARTIZAN_KEY``. What it prints goes to the log, as
    far as it is short.
    """

    Options = CommandOptions

    def __init__(self, options: CommandOptions) -> None:
        self._options = options
        self._name = Path(options.command[0]).name
        self._variables = {name: value.get_secret_value() for name, value in options.environment.items()}
        for value in self._variables.values():
            register_secret(value)

    def send(self, event: Event, *, key: str) -> None:
        """Run it to its end. Raises ``DeliveryError`` where it cannot be started, takes too long or fails."""
        with tempfile.TemporaryFile() as body:
            body.write(self._options.payload(event, key, self._past))
            body.seek(0)
            reading, writing = os.pipe()
            try:
                child = self._start(body.fileno(), writing, event, key)
            except OSError as error:
                os.close(reading)
                raise DeliveryError(f"{self._name} cannot be started: {error.strerror or error}") from error
            finally:
                os.close(writing)
        with os.fdopen(reading, "rb", buffering=0) as output:
            os.set_blocking(reading, False)
            code, said = _ended(child, output.fileno(), self._options.timeout_s)
        self._judge(code, _line(said))

    def close(self) -> None:
        """Nothing to let go of."""

    def _start(self, stdin: int, output: int, event: Event, key: str) -> int:
        """Its process, in a session of its own; signals that this process ignores reach it as usual."""
        told = {"KEY": key, "TYPE": event.type, "CAMERA": event.camera, "RULE": event.name, "SEVERITY": event.severity}
        environment = {**os.environ, **{f"BARTIZAN_{name}": value for name, value in told.items()}, **self._variables}
        files = [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, output, 2)]
        command = self._options.command
        return os.posix_spawnp(
            command[0], command, environment, file_actions=files, setsid=True, setsigdef=_IGNORED_BY_US
        )

    def _judge(self, code: int | None, said: str) -> None:
        ending = f": {said}" if said else ""
        if code is None:
            raise DeliveryError(f"{self._name} took longer than {self._options.timeout_s:g} s and was killed{ending}")
        if code < 0:
            raise DeliveryError(f"{self._name} was ended by signal {-code}{ending}")
        if code > 0:
            raise DeliveryError(f"{self._name} ended with code {code}{ending}")
        if said:
            logger.info("%s: %s", self._name, said)


def _ended(child: int, output: int, timeout_s: float) -> tuple[int | None, bytes]:
    """Exit code of the process (minus the signal that ended it; None: it took too long), and what it printed first."""
    said, deadline = b"", time.monotonic() + timeout_s
    pidfd = os.pidfd_open(child)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(pidfd, selectors.EVENT_READ)
            selector.register(output, selectors.EVENT_READ)
            over = False
            while not over and (left_s := deadline - time.monotonic()) > 0:
                ready = {key.fd for key, _ in selector.select(left_s)}
                over = pidfd in ready
                if output in ready and not over:
                    said, open_still = _read(output, said)
                    if not open_still:
                        selector.unregister(output)
        said, _ = _read(output, said)
        return _reap(child, over=over), said
    finally:
        os.close(pidfd)


def _reap(child: int, *, over: bool) -> int | None:
    if not over:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if over else None


def _read(output: int, said: bytes) -> tuple[bytes, bool]:
    """What is there now, cut to a bearable length; whether more may come."""
    try:
        chunk = os.read(output, 1 << 16)
    except BlockingIOError:
        return said, True
    return (said + chunk)[:_OUTPUT_BYTES], bool(chunk)


def _line(said: bytes) -> str:
    """One printable line without credentials."""
    text = redact(said.decode(errors="replace"))
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:_SHOWN]
