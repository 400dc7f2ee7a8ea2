"""Networks on OpenVINO come and go in any order, and signals go on arriving."""

import subprocess
import sys
from pathlib import Path

COME_AND_GO = """
import signal
import numpy as np
from openvino import Model, opset13
from stages.detect.openvino_core import openvino_core

def network():
    entry = opset13.parameter([1, 8], np.float32)
    return openvino_core().compile_model(Model([opset13.relu(entry)], [entry]), "CPU")

heard = []
signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
first, second = network(), network()
del first
del second
signal.raise_signal(signal.SIGTERM)
assert heard == [signal.SIGTERM]
"""


def test_a_signal_is_heard_after_networks_have_gone_in_the_order_in_which_they_came(root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", COME_AND_GO], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
