"""What stands beside a compressed model: from what, how, and by which figures it was let through."""

from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lab.compress.proof import Outcome, Terms
from lab.train.run_folder import RUN, versions, write_json
from pipeline.file_digest import file_sha256


def record(
    folder: Path,
    made_by: str,
    model: Path,
    data_sha256: str,
    settings: Mapping[str, Any],
    terms: Terms,
    outcome: Outcome,
) -> None:
    """Write ``run.json`` into the folder of a model."""
    parts = {file.name: file_sha256(file) for file in sorted(folder.iterdir()) if file.suffix in MODELS}
    sources = [model] if model.is_file() else sorted(file for file in model.iterdir() if file.suffix in MODELS)
    write_json(
        folder / RUN,
        {
            "made_by": f"bartizan compress {made_by}",
            "settings": dict(settings),
            "terms": asdict(terms),
            "from": {file.name: file_sha256(file) for file in sources},
            "files": parts,
            "data_sha256": data_sha256,
            "versions": versions() | {name: version(name) for name in ("openvino", "nncf")},
            **outcome.facts(),
        },
    )


MODELS = (".pt", ".onnx", ".xml", ".bin")
