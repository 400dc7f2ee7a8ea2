"""The classes of the detector that ships; their numbers stay."""

CLASSES = (
    "person",
    "bicycle",
    "car",
    "motorcycle",
    "bus",
    "truck",
    "backpack",
    "handbag",
    "suitcase",
    "dog",
    "cat",
)
"""Names by class id."""
