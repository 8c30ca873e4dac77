"""Decoder and template of a stream whose parameters changed, made out of its first packets with the new ones.

PyAV knows a stream as it was when its container was opened. So the packets are put into the smallest file that holds them, in
memory, and that is opened: elementary streams as they are, VP8, VP9 and AV1 as IVF, and what has its parameters beside its
packets (FLV, MP4) as FLV. Sources: the IVF header as libvpx writes it; Adobe FLV 10.1 annex E; Enhanced RTMP v1 for HEVC.
"""

import io
import struct
from collections.abc import Sequence
from typing import Any

import av
import av.error

from stream_processor.decoding.nal import length_bytes_of
from stream_processor.errors import SourceUnusable
from stream_processor.receiving.templates import Codecs, audio_format, codecs_of, video_format
from stream_processor.records import AudioFormat, Kind, VideoFormat

_ELEMENTARY = {
    "h264": "h264",
    "hevc": "hevc",
    "mpeg2video": "mpegvideo",
    "mpeg1video": "mpegvideo",
    "aac": "aac",
    "mp1": "mp3",
    "mp2": "mp3",
    "mp3": "mp3",
    "ac3": "ac3",
    "eac3": "eac3",
}
PROBE_LIMITS = {"max_pixels": "36000000", "max_streams": "100"}
"""FFmpeg decodes a little of whatever it opens. Of a picture beyond 8K it tells the size, but takes no memory for it.

PyAV keeps a byte for each stream that is there at the beginning, and looks behind them for those that appear later.
"""
_IVF = {"vp8": b"VP80", "vp9": b"VP90", "av1": b"AV01"}
_FLV_HEAD = b"FLV\x01\x05\0\0\0\x09\0\0\0\0"
_FLV_VIDEO, _FLV_AUDIO = 9, 8


def probe_picture(codec: str, keyframe: bytes, extradata: bytes | None) -> tuple[VideoFormat, Codecs] | None:
    """None: it cannot be told from this packet, which may be damaged. ``extradata``: what was sent beside the packet."""
    found: tuple[VideoFormat, Codecs] | None = _probe("video", codec, [keyframe], extradata)
    return found if found is not None and found[0].width and found[0].height else None


def probe_sound(codec: str, frames: Sequence[bytes], extradata: bytes | None) -> tuple[AudioFormat, Codecs] | None:
    """The same of the sound; ``frames`` are some of its packets in order."""
    found: tuple[AudioFormat, Codecs] | None = _probe("audio", codec, frames, extradata)
    return found if found is not None and found[0].sample_rate and found[0].channels else None


def _probe(kind: Kind, codec: str, packets: Sequence[bytes], extradata: bytes | None) -> Any:
    made = _file(codec, packets, extradata)
    if made is None:
        return None
    data, muxed_as = made
    try:
        with av.open(io.BytesIO(data), format=muxed_as, metadata_errors="replace", options=PROBE_LIMITS) as container:
            stream = next((stream for stream in container.streams if stream.type == kind), None)
            if stream is None or stream.codec_context is None:
                return None
            if kind == "video":
                return video_format(stream), codecs_of(stream, None)
            return audio_format(stream), codecs_of(None, stream)
    except (av.error.FFmpegError, OSError, ValueError, SourceUnusable):
        return None


def _file(codec: str, packets: Sequence[bytes], extradata: bytes | None) -> tuple[bytes, str] | None:
    """The packets as a file, and its format's name."""
    if codec in _IVF:
        return _ivf(_IVF[codec], packets), "ivf"
    if codec in ("h264", "hevc") and length_bytes_of(codec, extradata):
        return _flv_picture(codec, packets, extradata or b""), "flv"
    if codec == "aac" and extradata:
        return _flv_sound(packets, extradata), "flv"
    return (b"".join(packets), _ELEMENTARY[codec]) if codec in _ELEMENTARY else None


def _ivf(fourcc: bytes, packets: Sequence[bytes]) -> bytes:
    head = struct.pack("<4sHH4sHHIIII", b"DKIF", 0, 32, fourcc, 0, 0, 25, 1, len(packets), 0)
    return head + b"".join(struct.pack("<IQ", len(data), index) + data for index, data in enumerate(packets))


def _flv_picture(codec: str, packets: Sequence[bytes], extradata: bytes) -> bytes:
    header, frame = (b"\x17\0\0\0\0", b"\x17\1\0\0\0") if codec == "h264" else (b"\x90hvc1", b"\x91hvc1\0\0\0")
    return _FLV_HEAD + _flv_tags(_FLV_VIDEO, [header + extradata, *(frame + data for data in packets)])


def _flv_sound(packets: Sequence[bytes], extradata: bytes) -> bytes:
    return _FLV_HEAD + _flv_tags(_FLV_AUDIO, [b"\xaf\0" + extradata, *(b"\xaf\1" + data for data in packets)])


def _flv_tags(kind: int, bodies: Sequence[bytes]) -> bytes:
    tags = []
    for index, body in enumerate(bodies):
        tag = struct.pack(">I", kind << 24 | len(body)) + struct.pack(">I", 20 * index << 8) + b"\0\0\0" + body
        tags.append(tag + struct.pack(">I", len(tag)))
    return b"".join(tags)
