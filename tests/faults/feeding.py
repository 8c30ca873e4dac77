"""A process to kill: a live stream's packets come into the ring and go on into a highlight's spool. It says what has come so far.

Arguments: a recording, the channel's folder. Each line is the epoch time in seconds up to which packets were seen.
"""

import sys
import time
from pathlib import Path

from stream_processor.clipping.cut import FfmpegCutter
from stream_processor.clips import Clips
from stream_processor.packets import PacketRing
from stream_processor.settings import ClipSettings, RingSettings
from tests.channel import highlight, read

HIGHLIGHT_ID = "a-0-1"


def main(recording: Path, folder: Path) -> None:
    whole = read(recording)
    ring = PacketRing(RingSettings(seconds=3600, max_mb=1000))
    clips = Clips(ring, folder, ClipSettings(), FfmpegCutter(), print)
    clips.start()
    began, is_open = time.monotonic(), False
    for packet in whole.packets:
        time.sleep(max(0.0, began + packet.seconds - time.monotonic()))
        ring.append(packet, packet.seconds)
        print(packet.end_seconds, flush=True)
        if not is_open and packet.kind == "video":
            clips.open(highlight(0.0, 0.5, id=HIGHLIGHT_ID), whole.epoch, whole.codecs.template)
            is_open = True


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
