"""What the machine asks of the work: the interfaces that the packages under ``stages/`` fulfil.

A stage is work, not plumbing: it is built from its options, gets its input by argument and gives its output by
return. It opens no socket, starts no thread, and reads no clock that it was not given.
"""

from pipeline.stage.alert import Alert, Asking, Dozing, Fact, Outcome
from pipeline.stage.capture import CameraTime, Capture, Captured
from pipeline.stage.classify import BehaviourModel, Classify, CropClassifier, Look
from pipeline.stage.detector import AsyncDetector, Detector, View
from pipeline.stage.evidence import Evidence
from pipeline.stage.picture import Picture, Plane
from pipeline.stage.sink import Sink
from pipeline.stage.source import Grab, Source
from pipeline.stage.surroundings import NOBODY, Around, Moment, Seen
from pipeline.stage.tracker import TrackedFrame, Tracker

__all__ = [
    "NOBODY",
    "Alert",
    "Around",
    "Asking",
    "AsyncDetector",
    "BehaviourModel",
    "CameraTime",
    "Capture",
    "Captured",
    "Classify",
    "CropClassifier",
    "Detector",
    "Dozing",
    "Evidence",
    "Fact",
    "Grab",
    "Look",
    "Moment",
    "Outcome",
    "Picture",
    "Plane",
    "Seen",
    "Sink",
    "Source",
    "TrackedFrame",
    "Tracker",
    "View",
]
