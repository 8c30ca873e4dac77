"""The soak's clips and sidecars: are they whole, and were they at the moment they had their name?"""

import json
import threading
from collections import Counter
from pathlib import Path

import av
import av.error

LOOK_SECONDS = 0.25
_END_TOLERANCE_SECONDS = 1.0
"""Sound and picture need not end together."""


class Reader:
    """Somebody who opens whatever has a clip's name as soon as it is there. ``half``: what could not be read then."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: set[str] = set()
        self.half: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="reader", daemon=True)
        self._thread.start()

    @property
    def read(self) -> int:
        return len(self._seen)

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            for path in (*self._folder.glob("*.mp4"), *self._folder.glob("*.mkv"), *self._folder.glob("*.json")):
                if path.name not in self._seen:
                    self._seen.add(path.name)
                    if not is_whole(path):
                        self.half.append(path.name)


def is_whole(path: Path) -> bool:
    """Readable to its end: a clip has as many packets, and lasts as long, as it says itself; a sidecar is JSON."""
    try:
        if path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
            return True
        with av.open(str(path)) as container:
            packets, end_seconds = Counter[int](), 0.0
            for packet in container.demux():
                if packet.size and packet.pts is not None:
                    packets[packet.stream_index] += 1
                    end_seconds = max(end_seconds, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            has_all = all(packets[stream.index] >= stream.frames for stream in container.streams)
            lasts_seconds = (container.duration or 0) / av.time_base
            return bool(packets) and has_all and end_seconds >= lasts_seconds - _END_TOLERANCE_SECONDS
    except (av.error.FFmpegError, OSError, ValueError):
        return False
