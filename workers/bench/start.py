"""`bench open`: how long a start takes, the first one with its database and practice, and the next in the same folder."""

import subprocess
import sys
import time
from statistics import median

from workers.bench.demo import demo_in, folder
from workers.bench.figures import Figures

PARTS = ("carrier_scripts.lab.web", "workers.browserhost", "workers.app", "workers.mailwatch", "api.app")
"""What a start must load at the least, each in a process of its own."""


def measure(runs: int) -> Figures:
    """Seconds, as the demo says them; the floor: its processes load their modules all at once, and do nothing."""
    with folder() as place:
        with demo_in(place) as demo:
            first = demo.started_in_s
        again, floors = [], []
        for _ in range(runs):
            with demo_in(place) as demo:
                again.append(demo.started_in_s)
            floors.append(_loaded_s())
    return {
        "first_start_s": first,
        "second_start_s": round(median(again), 1),
        "floor_second_start_s": round(median(floors), 1),
    }


def _loaded_s() -> float:
    began = time.monotonic()
    loading = [subprocess.Popen([sys.executable, "-c", f"import {part}"]) for part in PARTS]
    for one in loading:
        one.wait()
    return time.monotonic() - began
