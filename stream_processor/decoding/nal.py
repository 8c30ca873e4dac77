"""What an encoded picture's own header tells: does another picture refer to it, and is anything before it still needed?

H.264 and HEVC say both in the first byte of each NAL unit, so the picture need not be decoded to know. Nothing else is
trusted: VP9 and AV1 frames that nobody refers to may still hand their probabilities on, and a container's mark says what
its muxer thought. Sources: ITU-T H.264 7.3.1 and 7.4.1, H.265 7.3.1.2 and table 7-1; ISO/IEC 14496-15 for the lengths.

Pure: bytes in, numbers out.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

_H264_PICTURES = (1, 2, 5)
_H264_IDR = 5
_HEVC_FIRST_NON_PICTURE = 32
_HEVC_FRESH = range(16, 21)
"""IDR and BLA. A CRA picture is none: the pictures shown before it refer to what lies before it (an open GOP)."""
_HEVC_LAST_UNREFERRED = 14
_LENGTH_AT = {"h264": 4, "hevc": 21}
_MOST_UNITS = 256


class Reach(NamedTuple):
    """``is_alone``: no other picture refers to it. ``is_fresh``: nothing that follows refers to anything before it."""

    is_alone: bool
    is_fresh: bool


UNKNOWN = Reach(is_alone=False, is_fresh=False)
"""Others may refer to it, and to what lies before it: it has to be decoded."""


class ReachOf(Protocol):
    """One stream's reader: packets in decoding order. Data that makes no sense is UNKNOWN."""

    def __call__(self, data: bytes) -> Reach: ...


def reach_reader(codec: str, extradata: bytes | None, *, intra_only: bool = False) -> ReachOf | None:
    """A reader for one epoch's picture, or None where nothing can be told. ``codec`` as FFmpeg calls it.

    ``intra_only``: the codec knows no references at all (MJPEG, ProRes).
    """
    if intra_only:
        return lambda _data: Reach(is_alone=True, is_fresh=True)
    if codec == "h264":
        return _H264(length_bytes_of(codec, extradata))
    if codec == "hevc":
        return _Hevc(length_bytes_of(codec, extradata))
    return None


class _H264:
    def __init__(self, length_bytes: int) -> None:
        self._length_bytes = length_bytes

    def __call__(self, data: bytes) -> Reach:
        for at in units(data, self._length_bytes):
            kind = data[at] & 0x1F
            if kind in _H264_PICTURES:
                return Reach(is_alone=not data[at] & 0x60, is_fresh=kind == _H264_IDR)
        return UNKNOWN


class _Hevc:
    """Pictures marked as not referred to may still be so from a higher temporal layer: only the highest seen counts."""

    def __init__(self, length_bytes: int) -> None:
        self._length_bytes = length_bytes
        self._highest_layer = 0

    def __call__(self, data: bytes) -> Reach:
        for at in units(data, self._length_bytes):
            if at + 1 >= len(data):
                break
            kind = data[at] >> 1 & 0x3F
            is_base = not data[at] & 1 and not data[at + 1] >> 3  # of several views, or of several qualities
            if kind >= _HEVC_FIRST_NON_PICTURE or not is_base:
                continue
            layer = (data[at + 1] & 7) - 1
            self._highest_layer = max(self._highest_layer, layer)
            is_unreferred = kind <= _HEVC_LAST_UNREFERRED and kind % 2 == 0
            return Reach(is_alone=is_unreferred and layer == self._highest_layer, is_fresh=kind in _HEVC_FRESH)
        return UNKNOWN


def length_bytes_of(codec: str, extradata: bytes | None) -> int:
    """How many bytes tell each unit's length (MP4, Matroska, FLV); 0: units begin with start codes (MPEG-TS, Annex B)."""
    at = _LENGTH_AT[codec]
    if not extradata or extradata[0] != 1 or len(extradata) <= at:
        return 0
    return (extradata[at] & 3) + 1


def units(data: bytes, length_bytes: int) -> Iterator[int]:
    """Where the header of each unit lies, as long as the data makes sense."""
    at = 0
    for _ in range(_MOST_UNITS):
        if length_bytes:
            end = at + length_bytes + int.from_bytes(data[at : at + length_bytes], "big")
            at += length_bytes
            if at >= end or end > len(data):
                return
            yield at
            at = end
        else:
            at = data.find(b"\0\0\1", at) + 3
            if at < 3 or at >= len(data):
                return
            yield at
