"""What it costs to seal an original for roles, and to open it.

    python -m benchmarks.sealing [--bytes 300000] [--turns 1000]

Processor microseconds of one picture, median and 95th percentile of ``--turns``.
"""

import argparse
import os
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from pipeline.integrity.sealing import seal, unseal
from pipeline.role_key import RoleKey


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bytes", type=int, default=300_000)
    parser.add_argument("--turns", type=int, default=1000)
    asked = parser.parse_args()
    data, key = os.urandom(asked.bytes), RoleKey.of(os.urandom(32))
    for roles in (1, 2, 4, 16):
        recipients = [key.recipient] * roles
        sealed = seal(data, recipients)
        told(f"sealed for {roles:2}", partial(seal, data, recipients), asked.turns)
        told(f"opened of {roles:2}", partial(unseal, sealed, key), asked.turns)
        print(f"  {len(sealed) - len(data)} bytes more")


def told(name: str, work: Callable[[], bytes], turns: int) -> None:
    """Measure and say it."""
    took = []
    for _ in range(turns):
        before = time.process_time_ns()
        work()
        took.append((time.process_time_ns() - before) / 1000)
    median, most = np.percentile(took, [50, 95])
    print(f"{name} roles: {median:.0f} us, 95 of 100 within {most:.0f} us")


if __name__ == "__main__":
    main()
