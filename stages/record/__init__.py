"""Recording: packets of a camera's own connection into files, never encoded again."""
