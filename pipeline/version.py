"""Which Bartizan this is."""


def version() -> str:
    """Of Bartizan as it is installed; empty where it is not."""
    from importlib import metadata

    try:
        return metadata.version("bartizan")
    except metadata.PackageNotFoundError:
        return ""
