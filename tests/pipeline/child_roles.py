"""Roles for processes of the tests: what a child does is the name that it was given."""

import os
import resource
import signal
import sys
import time

from pipeline.control import Backlog
from pipeline.errors import CannotStart
from pipeline.spec import RunSpec
from pipeline.worker import Child


def play(child: Child, spec: RunSpec) -> None:
    """Behave as the name says."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    match child.name.split():
        case ["obey"]:
            _obey(child)
        case ["hang"]:
            child.started()
            time.sleep(600)
        case ["die", number]:
            if int(number) == signal.SIGHUP:
                signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever started the tests may have ignored it (nohup)
            os.kill(os.getpid(), int(number))
            time.sleep(600)
        case ["exit", code]:
            sys.exit(int(code))
        case ["refuse"]:
            raise CannotStart("weights yolo.pt: no such file; name one that is there")
        case ["fail"]:
            raise RuntimeError("rtsp://viewer:sesame@gate/1 says no\nand more lines")


def _obey(child: Child) -> None:
    """Answer, and tell how many orders came, until it is to drain."""
    child.started()
    told = 0
    while not child.draining:
        child.answer()
        if len(child.orders) > told:
            told = len(child.orders)
            child.tell(Backlog(told, 0, 0))
        time.sleep(0.005)
