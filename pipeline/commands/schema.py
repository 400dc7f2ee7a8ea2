"""``bartizan schema``: the JSON Schema of the configuration."""

import json

from pipeline.configuration.schema import config_schema


def schema() -> None:
    """Print the JSON Schema of the configuration, for editors and linters."""
    print(json.dumps(config_schema(), indent=2))
