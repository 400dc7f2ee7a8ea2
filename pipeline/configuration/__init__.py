"""From YAML or arguments to a validated configuration."""
