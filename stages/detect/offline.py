"""The one place that forbids libraries to use the network.

ultralytics looks hosts up when imported, reports usage to Google Analytics, fetches weights and fonts, and installs
packages by itself; OpenVINO sets up usage reports (an id in the user's home) as soon as it is imported. Bartizan talks
only to what its configuration names, so all of that is off before any of it is imported.
"""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline.errors import CannotStart

ENVIRONMENT = {
    "YOLO_OFFLINE": "true",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
    "ULTRALYTICS_SAFE_LOAD": "true",
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "WANDB_MODE": "disabled",
    "COMET_MODE": "DISABLED",
    "DO_NOT_TRACK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "PIP_NO_INDEX": "1",
}
"""What the libraries themselves understand. ``ULTRALYTICS_SAFE_LOAD`` makes ultralytics unpickle known classes only."""

INTEGRATIONS = ("sync", "clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb")
MESSAGES = ("openvino_msg", "vscode_msg")


def cache_folder() -> Path:
    """Where Bartizan keeps what it can make again: ``BARTIZAN_CACHE``, else the user's cache folder (XDG).

    Raises ``CannotStart`` if it cannot be made.
    """
    named = os.environ.get("BARTIZAN_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(named) if named else base / "bartizan"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"cache folder {folder} cannot be made ({error}); set BARTIZAN_CACHE to another") from error
    return folder


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the lock of this name; the kernel lets go of it when the process dies. Raises ``CannotStart``."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotStart(f"lock {file} cannot be made ({error}); set BARTIZAN_CACHE to another folder") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def switch_off_network_features() -> None:
    """Forbid telemetry, update checks, downloads and installations to every library of this process and its children.

    Idempotent; to be called before any of them is imported.
    """
    os.environ.update(ENVIRONMENT)
    os.environ["YOLO_CONFIG_DIR"] = str(cache_folder() / "ultralytics")
    if "openvino_telemetry" not in sys.modules:
        # None makes the import fail, and OpenVINO's converter then takes its own empty stand-in.
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # a documented value of sys.modules


def import_ultralytics() -> ModuleType:
    """ultralytics, with everything that talks to the network off, also if somebody imported it before.

    Its settings file lies in our cache: the user's own is neither read nor written.
    """
    switch_off_network_features()
    settings = Path(os.environ["YOLO_CONFIG_DIR"])
    settings.mkdir(parents=True, exist_ok=True)
    with locked(settings / "import.lock"):  # the first import writes the settings file, and not atomically
        ultralytics: ModuleType = import_module("ultralytics")
        modules: list[Any] = [import_module(f"ultralytics.{name}") for name in ("utils", "utils.checks", "nn.tasks")]
        events: Any = import_module("ultralytics.utils.events")
    for key in (*INTEGRATIONS, *MESSAGES):
        # Past the class's own method, which would write the file.
        dict.__setitem__(modules[0].SETTINGS, key, False)
    for module in modules:
        module.ONLINE, module.AUTOINSTALL, module.SAFE_LOAD = False, False, True
    events.events.enabled = False
    # Its own would install a package for every picture that cannot be read, and hide what is wrong with it.
    pictures: Any = import_module("PIL.Image")
    pictures.open = getattr(import_module("ultralytics.utils.patches"), "_image_open", pictures.open)
    return ultralytics
