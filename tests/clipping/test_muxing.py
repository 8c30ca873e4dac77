"""A damaged packet costs itself; a disk that refuses costs whoever writes."""

import os
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from stream_processor.clipping.muxing import mux


def test_a_damaged_header_is_left_out_and_all_others_are_written(made: Callable[..., Path], tmp_path: Path) -> None:
    target = tmp_path / "clip.mkv"
    with av.open(str(made("h264 in ts"))) as container, av.open(str(target), "w") as output:
        stream = output.add_stream_from_template(container.streams.audio[0])
        refused = []
        for number, packet in enumerate(packet for packet in container.demux(audio=0) if packet.size):
            written = packet
            if number == 20:
                written = av.Packet(b"\xff\x0f" + bytes(packet)[2:])
                written.pts, written.dts, written.time_base = packet.pts, packet.dts, packet.time_base
            written.stream = stream
            refused.append(mux(output, written) is not None)
    assert [number for number, is_refused in enumerate(refused) if is_refused] == [20]
    with av.open(str(target)) as clip:
        assert sum(packet.size > 0 for packet in clip.demux(audio=0)) == len(refused) - 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_no_damage(made: Callable[..., Path]) -> None:
    with av.open(str(made("h264 in ts"))) as container:
        output = av.open("/dev/full", "w", format="matroska", options={"flush_packets": "1"})
        stream = output.add_stream_from_template(container.streams.video[0])

        def write_all() -> None:
            for packet in container.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    mux(output, packet)
            output.close()

        with pytest.raises(OSError, match=os.strerror(28)):
            write_all()
