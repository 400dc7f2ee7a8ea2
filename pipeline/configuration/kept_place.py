"""``delivery.json``: which configuration a run was told its sinks by, so that what is left can be delivered later.

It holds the path of that file and nothing of what stands in it: sinks have credentials, and a folder of results is
handed around.
"""

import json
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.whole_file import write_whole

FILE = "delivery.json"


def note_configuration(out: Path, file: Path | None) -> None:
    """Note in a folder of results where the configuration of its run is; None: it had no file. Raises ``OSError``."""
    if file is None:
        (out / FILE).unlink(missing_ok=True)
        return
    write_whole(out / FILE, [json.dumps({"configuration": str(file)}, indent=1).encode(), b"\n"])


def noted_configuration(out: Path) -> Path | None:
    """Where the configuration of the run is that wrote this folder; None: nobody noted it. Raises ``UsageError``."""
    file = out / FILE
    try:
        return Path(json.loads(file.read_bytes())["configuration"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{file}: does not say where the configuration is; name it with --config") from error
