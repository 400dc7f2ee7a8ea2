"""How processes reach the dispatcher: a private socket within the machine, or encrypted tcp with an allow-list."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.configuration.settings import LinkOptions
from pipeline.errors import CannotStart
from pipeline.wire.keys import Role, check_endpoint, own_key, server_key
from pipeline.wire.transport import Dealer, Router

if TYPE_CHECKING:
    import zmq

    from pipeline.wire.doorkeeper import KeyCheck

ALLOWED = "allowed"
"""Name of the allow-list in the folder of keys."""


def open_router(links: LinkOptions, endpoint: str) -> Router:
    """The dispatcher's socket. Raises ``UsageError`` for keys that are missing or readable by others, and for plain
    tcp off loopback; ``CannotStart`` when the endpoint is taken."""
    check_endpoint(endpoint, has_keys=links.keys_dir is not None, insecure=links.insecure)
    if links.keys_dir is None or endpoint.startswith("ipc:"):
        return Router([endpoint])
    from pipeline.wire.allow_list import AllowList
    from pipeline.wire.doorkeeper import Doorkeeper

    folder = Path(links.keys_dir)
    return Router([endpoint], guard=Doorkeeper(own_key(folder, Role.DISPATCH), AllowList(folder / ALLOWED)))


def open_dealer(links: LinkOptions, endpoint: str, role: Role) -> Dealer:
    """A process's socket to the dispatcher, with the key of its role. Raises as ``open_router`` does."""
    check_endpoint(endpoint, has_keys=links.keys_dir is not None, insecure=links.insecure)
    if links.keys_dir is None or endpoint.startswith("ipc:"):
        return Dealer(endpoint)
    return Dealer(endpoint, keys=ClientKeys(Path(links.keys_dir), role, endpoint))


class ClientKeys:
    """A process's own key pair and the dispatcher's public key, from a folder."""

    def __init__(self, folder: Path, role: Role, endpoint: str) -> None:
        self._pair = own_key(folder, role)
        self._server = server_key(folder).public
        self._endpoint = endpoint
        self._check: KeyCheck | None = None

    def __call__(self, socket: "zmq.Socket[Any]") -> None:
        """Set the keys of a socket that is about to connect."""
        from pipeline.wire.doorkeeper import KeyCheck, secure_client

        secure_client(socket, self._pair, self._server)
        self._check = KeyCheck(socket)

    def check(self) -> None:
        """Raises ``CannotStart`` once the dispatcher has refused the key; ZeroMQ would wait for ever."""
        if self._check is not None and self._check.is_refused():
            raise CannotStart(
                f"{self._endpoint} refuses the key {self._pair.name} ({self._pair.public}): allow it there with "
                "`bartizan keys allow`, or check that the dispatcher's public key here is the right one"
            )

    def close(self) -> None:
        """Stop watching the handshake."""
        if self._check is not None:
            self._check.close()
