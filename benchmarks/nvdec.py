"""How many streams a card decodes at once with its frames left on it: the decoding part of ``gpu``.

Has not run on a card yet.
"""

import importlib.util
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.report import Cell, Table

STREAMS = (1, 2, 4, 8, 16)
SECONDS, QUICK_SECONDS = 20, 5

COLUMNS = ("material", "streams at once", "frames a second", "times real time, all together", "CPU, s per s of stream")


def table(device: str, *, quick: bool) -> tuple[Table | None, str]:
    """The table, or None and why there is none."""
    if not device.startswith("cuda"):
        return None, "NVDEC needs a CUDA device"
    if importlib.util.find_spec("av") is None:
        return None, "PyAV is not installed"
    from benchmarks import material
    from stream_processor.decoding.hardware import is_on_card

    rows: list[tuple[Cell, ...]] = []
    for each in (material.H264_1080P60_B, material.HEVC_1080P60):
        path = material.ready(each, QUICK_SECONDS if quick else SECONDS)
        packets, decoder = _opened(path, device)
        if decoder is None:
            return None, f"no NVDEC decoder for {each.name} here"
        # Only up to the first frame: whoever holds frames holds the card's surfaces, and there are few.
        first = next((frame for packet in packets for frame in decoder.decode(packet)), None)
        if first is None or not is_on_card(first):
            return None, f"FFmpeg decoded {each.name} in software"
        del first, decoder
        for streams in STREAMS[:3] if quick else STREAMS:
            count, wall, cpu = _together(path, device, streams)
            rows.append((each.name, streams, count / wall, count / wall / each.fps, cpu / (count / each.fps)))
    return Table("Decoding on the card (NVDEC), frames left there", COLUMNS, rows), ""


def _opened(path: Path, device: str) -> tuple[list[Any], Any]:
    """All video packets of the file, detached from it, and a decoder on the device or None."""
    import av

    from stream_processor.decoding.hardware import open_hardware

    with av.open(str(path)) as container:
        stream: Any = container.streams.video[0]
        packets = []
        for packet in container.demux(stream):
            if packet.size:
                detached = av.Packet(bytes(packet))
                detached.pts, detached.dts, detached.time_base = packet.pts, packet.dts, packet.time_base
                detached.is_keyframe = packet.is_keyframe
                packets.append(detached)
        return [*packets, None], open_hardware(stream.codec_context, device)


def _together(path: Path, device: str, streams: int) -> tuple[int, float, float]:
    """Frames, and wall and CPU seconds, of so many decoders that work at once, each in a thread; frames are let go at once."""
    opened = [_opened(path, device) for _ in range(streams)]
    counts = [0] * streams
    begin = threading.Barrier(streams + 1)

    def work(number: int) -> None:
        packets, decoder = opened[number]
        begin.wait()
        for packet in packets:
            counts[number] += len(decoder.decode(packet))

    threads = [threading.Thread(target=work, args=(number,), name=f"nvdec {number}") for number in range(streams)]
    for thread in threads:
        thread.start()
    begin.wait()
    wall, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.join()
    return sum(counts), time.perf_counter() - wall, time.process_time() - cpu
