"""What the encoded data itself says of its parameters, so that a change in the middle of a stream is seen where it happens.

MPEG-TS carries parameters in band and nothing marks a change; FLV and MP4 send new ones beside a packet. Either way they become
a small mapping, and two of them differ where they say different things of the same::

    {"sps": …, "pps 0": …}  →  {"sps": …, "pps 1": …}     no change: a set that was not there before
                            →  {"sps": …, "pps 0": other}  a change: what refers to set 0 means something else now

Repeating headers, SEI, and sets that alternate under numbers of their own are none. Only keyframes and sound headers are read.
Sources: ITU-T H.264 7.3.2, H.265 7.3.2; ISO/IEC 14496-15 5.3.3 and 8.3.3 (avcC, hvcC), 14496-3 1.A (ADTS); ISO/IEC 11172-3
2.4.1; ETSI TS 102 366 4.3 (AC-3) and E.1; ISO/IEC 13818-2 6.2.2; RFC 6386 9.1 (VP8); VP9 and AV1 bitstream specifications.

Pure: bytes in, mappings out. Data that makes no sense says nothing.
"""

from collections.abc import Iterator, Mapping

from stream_processor.decoding.nal import length_bytes_of, units

Parameters = Mapping[str, object]

NOTHING: Parameters = {}
IN_BAND_SOUND = ("aac", "mp1", "mp2", "mp3", "ac3", "eac3")
_SPS, _PPS = {"h264": 7, "hevc": 33}, {"h264": 8, "hevc": 34}
_HEVC_STARTS = (b"\x40\x01", b"\x42\x01", b"\x46\x01")
"""VPS, SPS and access unit delimiter: as H.264 they would be units that do not exist, or must not look like this."""
_H264_STARTS = (7, 9)


def differ(known: Parameters, found: Parameters) -> bool:
    """Do they contradict each other anywhere? What only one of them tells is no contradiction."""
    return any(key in known and known[key] != value for key, value in found.items())


def picture_parameters(codec: str, data: bytes, extradata: bytes | None) -> Parameters:
    """What a keyframe says. ``codec`` as FFmpeg calls it; ``extradata`` tells how its units are framed."""
    if codec in _SPS:
        length_bytes = length_bytes_of(codec, extradata)
        found = codec if length_bytes else _by_first_unit(codec, data)
        return _named(found, _sets_in(found, data, length_bytes))
    reader = {"mpeg2video": _mpeg2, "mpeg1video": _mpeg2, "vp8": _vp8, "vp9": _vp9, "av1": _av1}.get(codec)
    found_header = reader(data) if reader is not None else None
    return NOTHING if found_header is None else {"codec": codec, "header": found_header}


def is_of_other_codec(codec: str, data: bytes, extradata: bytes | None) -> bool:
    """Is this picture, with start codes, HEVC in what is announced as H.264, or the other way round? Asked of any picture."""
    return codec in _SPS and not length_bytes_of(codec, extradata) and _by_first_unit(codec, data) != codec


def picture_header(codec: str, extradata: bytes | None) -> Parameters:
    """The same of what a container says beside the packets."""
    if codec not in _SPS or not extradata:
        return NOTHING
    if not length_bytes_of(codec, extradata):
        return _named(codec, _sets_in(codec, extradata, 0))
    return _named(codec, _avcc(extradata) if codec == "h264" else _hvcc(extradata))


def sound_parameters(data: bytes) -> Parameters:
    """What the header of a sound frame says that carries one (ADTS, MPEG audio, AC-3)."""
    if len(data) < 7:
        return NOTHING
    if data[0] == 0xFF and data[1] & 0xF6 == 0xF0 and data[2] >> 2 & 15 < 13:
        return {"codec": "aac", "header": (data[2] & 0xFD, data[3] & 0xC0)}
    if data[0] == 0xFF and data[1] & 0xE0 == 0xE0 and data[1] & 0x06 and data[2] & 0x0C != 0x0C:
        layer = 4 - (data[1] >> 1 & 3)
        return {"codec": f"mp{layer}", "header": (data[1] & 0x18, data[2] & 0x0C, data[3] >> 6 == 3)}
    if data[:2] == b"\x0b\x77":
        if data[5] >> 3 > 10:
            return {"codec": "eac3", "header": data[4] & 0xCF}
        return {"codec": "ac3", "header": (data[4] >> 6, data[6] >> 5)}
    return NOTHING


def sound_header(codec: str, extradata: bytes | None) -> Parameters:
    """The same of what a container says beside the packets: of an AudioSpecificConfig, what rate and channels stand in."""
    if codec == "aac" and extradata and len(extradata) >= 2:
        return {"codec": codec, "config": bytes(extradata[:2])}
    return NOTHING


# ---- H.264 and HEVC --------------------------------------------------------------------------------------------------


def _by_first_unit(codec: str, data: bytes) -> str:
    """Which of the two it is: a programme's stream may go on as the other one under the same number."""
    at = next(units(data, 0), None)
    if at is None:
        return codec
    if data[at : at + 2] in _HEVC_STARTS:
        return "hevc"
    return "h264" if not data[at] & 0x80 and data[at] & 0x1F in _H264_STARTS and data[at + 1 : at + 2] != b"\x01" else codec


def _sets_in(codec: str, data: bytes, length_bytes: int) -> list[bytes]:
    """The parameter sets before the first picture."""
    sets: list[bytes] = []
    for at in units(data, length_bytes):
        kind = _kind(codec, data[at])
        if kind in (1, 2, 5) if codec == "h264" else kind < 32:
            break
        framed = int.from_bytes(data[at - length_bytes : at], "big")
        end = at + framed if length_bytes else data.find(b"\0\0\1", at)
        sets.append(data[at : end if end >= 0 else len(data)].rstrip(b"\0"))
    return sets


def _avcc(extradata: bytes) -> list[bytes]:
    sets, at = list(_counted(extradata, 6, extradata[5] & 31 if len(extradata) > 5 else 0)), 6
    at += sum(2 + len(each) for each in sets)
    return [*sets, *(_counted(extradata, at + 1, extradata[at]) if at < len(extradata) else ())]


def _hvcc(extradata: bytes) -> list[bytes]:
    sets: list[bytes] = []
    at = 23
    for _ in range(extradata[22] if len(extradata) > 22 else 0):
        if at + 3 > len(extradata):
            break
        found = list(_counted(extradata, at + 3, int.from_bytes(extradata[at + 1 : at + 3], "big")))
        sets += found
        at += 3 + sum(2 + len(each) for each in found)
    return sets


def _counted(data: bytes, at: int, count: int) -> Iterator[bytes]:
    for _ in range(count):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 >= len(data) or end > len(data):
            return
        yield data[at + 2 : end]
        at = end


def _named(codec: str, sets: list[bytes]) -> Parameters:
    """HEVC's VPS is left out: no decoder needs it for what is looked at here."""
    sequences = sorted({each for each in sets if each and _kind(codec, each[0]) == _SPS[codec]})
    if not sequences:
        return NOTHING
    head = 1 if codec == "h264" else 2
    pictures = {f"pps {_golomb(each[head:])}": each for each in sets if each and _kind(codec, each[0]) == _PPS[codec]}
    return {"codec": codec, "sps": tuple(sequences), **pictures}


def _kind(codec: str, first: int) -> int:
    return first & 0x1F if codec == "h264" else first >> 1 & 0x3F


def _golomb(data: bytes) -> int:
    """The Exp-Golomb number at the beginning (H.264 9.1); small, as a picture parameter set's is."""
    bits = int.from_bytes(data[:4].ljust(4, b"\0"), "big")
    zeros = 32 - bits.bit_length()
    return (bits >> max(31 - 2 * zeros, 0)) - 1


# ---- others ----------------------------------------------------------------------------------------------------------


def _mpeg2(data: bytes) -> object | None:
    """Width, height, shape of a pixel and frame rate; quantisers and bit rates may change at will."""
    at = data.find(b"\0\0\1\xb3")
    return data[at + 4 : at + 8] if at >= 0 and at + 8 <= len(data) else None


def _vp8(data: bytes) -> object | None:
    return data[6:10] if data[3:6] == b"\x9d\x01\x2a" and len(data) >= 10 else None


def _vp9(data: bytes) -> object | None:
    """Colours and size, in profile 0, where they stand in 36 bits after the sync code."""
    if len(data) < 9 or data[0] & 0xF4 != 0x80 or data[1:4] != b"\x49\x83\x42":
        return None
    return int.from_bytes(data[4:9], "big") >> 4


def _av1(data: bytes) -> object | None:
    """The sequence header, byte for byte."""
    at = 0
    while at < len(data):
        first = data[at]
        at += 2 if first & 4 else 1
        size = shift = 0
        while first & 2 and at < len(data):
            size |= (data[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if not data[at - 1] & 0x80:
                break
        if not first & 2:
            size = len(data) - at
        if first >> 3 & 15 == 1:
            return data[at : at + size]
        at += size
    return None
