"""Program: serve GStreamer pipelines over RTSP with gst-rtsp-server, until standard input closes.

Runs in Debian's python3, which has the GObject bindings. Usage: gst_program.py JSON with the keys ``port``,
``mounts`` (path to launch line), ``protocol`` (tcp, udp or both), and optionally ``auth`` (basic or digest),
``user``, ``password``, ``shared``: all who watch see the same picture at a time, and
``wrong_clock``: sender reports count from 1970 as if it were 1900, so the camera is 70 years behind.
"""

import json
import sys
import threading
from typing import Any

import gi  # type: ignore[import-not-found]  # a module of Debian's python3, which runs this

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # type: ignore[import-not-found]  # noqa: E402

PROTOCOLS = {
    "tcp": GstRtsp.RTSPLowerTrans.TCP,
    "udp": GstRtsp.RTSPLowerTrans.UDP,
    "both": GstRtsp.RTSPLowerTrans.TCP | GstRtsp.RTSPLowerTrans.UDP,
}


def authentication(wanted: dict[str, Any]) -> Any:
    token = GstRtspServer.RTSPToken.new()
    token.set_string("media.factory.role", "user")
    auth = GstRtspServer.RTSPAuth.new()
    if wanted["auth"] == "basic":
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(wanted["user"], wanted["password"]), token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(wanted["user"], wanted["password"], token)
    return auth


def set_clock_wrong(media: Any) -> None:
    """Once its pipeline stands: the RTP bin is the first that knows of sender reports."""
    above = media.get_element()
    while above.get_parent() is not None:
        above = above.get_parent()
    elements = above.iterate_recurse()
    while True:
        result, element = elements.next()
        if result != Gst.IteratorResult.OK:
            return
        if element.get_factory().get_name() == "rtpbin":
            element.set_property("ntp-time-source", 1)


def main() -> None:
    wanted = json.loads(sys.argv[1])
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(wanted["port"]))
    if wanted.get("auth"):
        server.set_auth(authentication(wanted))
    for path, launch in wanted["mounts"].items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(launch)
        factory.set_shared(wanted.get("shared", False))
        factory.set_protocols(PROTOCOLS[wanted["protocol"]])
        if wanted.get("wrong_clock"):
            factory.connect("media-configure", lambda _, media: media.connect("prepared", set_clock_wrong))
        if wanted.get("auth"):
            factory.add_role_from_structure(
                Gst.Structure.from_string("user, media.factory.access=true, media.factory.construct=true")[0]
            )
        server.get_mount_points().add_factory(path, factory)
    server.attach(None)
    loop = GLib.MainLoop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    loop.run()


if __name__ == "__main__":
    main()
