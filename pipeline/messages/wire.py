"""All that travels between processes."""

from typing import TypeAlias

import msgspec

from pipeline.messages.capture import (
    CaptureHello,
    CaptureSync,
    EndOfStream,
    Offer,
    Release,
    Skip,
    StreamState,
    Synced,
    Welcome,
)
from pipeline.messages.classification import Answered, ClassifyHello, Crop, Wishes
from pipeline.messages.reading import Passed, ReaderHello, Wake
from pipeline.messages.snapshot import Candidates, Cut, CutDone, EvidenceHello, Keep
from pipeline.messages.work import Failed, Result, Work, WorkerHello


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The dispatcher does not take this peer, and why; it must stop (exit code 3)."""

    reason: str


Wire: TypeAlias = (
    CaptureHello
    | Welcome
    | Offer
    | Skip
    | EndOfStream
    | StreamState
    | CaptureSync
    | Synced
    | Release
    | WorkerHello
    | Work
    | Result
    | Failed
    | Refused
    | ReaderHello
    | Wake
    | Passed
    | Keep
    | Candidates
    | EvidenceHello
    | Cut
    | CutDone
    | Wishes
    | ClassifyHello
    | Crop
    | Answered
)
