"""Many encoders in one process, which takes little from the machine: ``python -m benchmarks.broadcasters FILE SECONDS URL…``.

Each publishes the same recording at 1x; they begin a little apart, as real ones do, so that keyframes do not fall together.
"""

import os
import sys
import threading
import time
from pathlib import Path

from benchmarks.publisher import publish

APART_SECONDS = 0.37


def broadcast(path: Path, seconds: float, urls: list[str]) -> None:
    threads = [threading.Thread(target=_one, args=(place * APART_SECONDS, url, path, seconds)) for place, url in enumerate(urls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _one(wait_seconds: float, url: str, path: Path, seconds: float) -> None:
    time.sleep(wait_seconds)
    publish(url, path, seconds, Path(os.devnull))


if __name__ == "__main__":
    broadcast(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
