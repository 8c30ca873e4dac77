"""A picture decoded without the program: what its frames are held against."""

from typing import Any

import av
import numpy as np
import numpy.typing as npt

from stream_processor.records import Packet


def encoded(packet: Packet | None) -> "av.Packet[Any] | None":
    if packet is None:
        return None
    made: av.Packet[Any] = av.Packet(packet.data)
    made.pts, made.dts, made.time_base = packet.pts, packet.dts, packet.time_base
    return made


def luma(frame: Any) -> npt.NDArray[np.uint8]:
    """uint8 (height, width): a copy."""
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width].copy()
