"""The floor: decode a file's picture and sound with PyAV and do nothing else. ``python -m benchmarks.bare FILE THREADS``.

Prints the resident MB before decoding and at the peak, as JSON.
"""

import json
import sys

import av

from benchmarks.paired import sizes_mb


def decode(path: str, threads: int) -> None:
    with av.open(path) as container:
        streams = [stream for stream in (container.streams.best("video"), container.streams.best("audio")) if stream is not None]
        for stream in streams:
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = threads
        for packet in container.demux(streams):
            packet.decode()


if __name__ == "__main__":
    before = sizes_mb("self")
    decode(sys.argv[1], int(sys.argv[2]))
    after = sizes_mb("self")
    print(json.dumps({"before_mb": before and before[1], "peak_mb": after and after[0]}))
