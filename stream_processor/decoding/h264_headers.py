"""H.264 slice headers, as far as they tell which pictures a slice may refer to. Source: ITU-T H.264, 7.3 and 8.2.4.

Pure. Only what frames need is understood: fields, slice groups, scaling lists and long-term references are Unreadable.
"""

from collections.abc import Sequence
from typing import NamedTuple

from stream_processor.decoding.nal import length_bytes_of, units

_SLICES = (1, 5)
_IDR, _SPS, _PPS, _PARTITIONS = 5, 7, 8, (2, 3, 4)
_HEADER_BYTES = 96
_PARAMETER_BYTES = 512
_HIGH_PROFILES = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)
_P, _B, _I = 0, 1, 2


class Unreadable(Exception):
    """Damaged, or not among what is understood here."""


class RefList(NamedTuple):
    """``active`` entries; ``named``: the first of them by their frame numbers, where the slice names them."""

    active: int
    named: tuple[int, ...]


class Slice(NamedTuple):
    """``lists``: none in I slices, one in P slices, two in B slices."""

    is_bidirectional: bool
    frame_num: int
    most_refs: int
    lists: tuple[RefList, ...]


class _Sps(NamedTuple):
    frame_num_bits: int
    order_type: int
    order_bits: int
    order_is_implied: bool
    most_refs: int


class _Pps(NamedTuple):
    sps: int
    has_bottom_order: bool
    active: tuple[int, int]
    has_redundant: bool


class H264Headers:
    """One stream's slice headers, packet by packet; parameter sets come from ``extradata`` and from the packets themselves."""

    def __init__(self, extradata: bytes | None) -> None:
        self._length_bytes = length_bytes_of("h264", extradata)
        self._sps: dict[int, _Sps] = {}
        self._pps: dict[int, _Pps] = {}
        if extradata:
            for unit in _parameter_sets(extradata, self._length_bytes):
                self._take_parameters(unit)

    def slices(self, data: bytes) -> Sequence[Slice]:
        """Those of one packet. Unreadable: any of them is not understood, or there is none."""
        found: list[Slice] = []
        for at in units(data, self._length_bytes):
            kind = data[at] & 0x1F
            if kind in _SLICES:
                found.append(self._slice(kind, data[at + 1 : at + _HEADER_BYTES]))
            elif kind in (_SPS, _PPS):
                self._take_parameters(data[at : at + _PARAMETER_BYTES])
            elif kind in _PARTITIONS:
                raise Unreadable("data partitions")
        if not found:
            raise Unreadable("no slice")
        return found

    def _take_parameters(self, unit: bytes) -> None:
        kind, bits = unit[0] & 0x1F, _Bits(unit[1:])
        if kind == _SPS:
            self._sps.update([_sps(bits)])
        elif kind == _PPS:
            self._pps.update([_pps(bits)])

    def _slice(self, nal_kind: int, data: bytes) -> Slice:
        bits = _Bits(data)
        bits.ue()  # first_mb_in_slice
        kind = bits.ue() % 5
        pps = self._pps.get(bits.ue())
        sps = self._sps.get(pps.sps) if pps is not None else None
        if pps is None or sps is None:
            raise Unreadable("parameter sets that were not sent")
        frame_num = bits.u(sps.frame_num_bits)
        if nal_kind == _IDR:
            bits.ue()  # idr_pic_id
        if sps.order_type == 0:
            bits.u(sps.order_bits)
            if pps.has_bottom_order:
                bits.ue()
        elif sps.order_type == 1 and not sps.order_is_implied:
            bits.ue()
            if pps.has_bottom_order:
                bits.ue()
        if pps.has_redundant:
            bits.ue()
        count = {_P: 1, _B: 2, _I: 0}.get(kind)
        if count is None:
            raise Unreadable("a slice of the extended profile")
        return Slice(kind == _B, frame_num, sps.most_refs, _lists(bits, count, pps, sps, frame_num))


def _lists(bits: "_Bits", count: int, pps: _Pps, sps: _Sps, frame_num: int) -> tuple[RefList, ...]:
    if not count:
        return ()
    if count == 2:
        bits.u(1)  # direct_spatial_mv_pred_flag
    active = list(pps.active[:count])
    if bits.u(1):
        active = [bits.ue() + 1 for _ in range(count)]
    return tuple(RefList(entries, _named(bits, sps, frame_num)) for entries in active)


def _named(bits: "_Bits", sps: _Sps, frame_num: int) -> tuple[int, ...]:
    """Frame numbers: each is told by its distance from the one before."""
    named: list[int] = []
    if bits.u(1):
        number = frame_num
        while (operation := bits.ue()) != 3:
            if operation not in (0, 1) or len(named) > 32:
                raise Unreadable("long-term references")
            distance = bits.ue() + 1
            number = (number + (distance if operation else -distance)) % (1 << sps.frame_num_bits)
            named.append(number)
    return tuple(named)


def _sps(bits: "_Bits") -> tuple[int, _Sps]:
    profile = bits.u(8)
    bits.u(16)  # constraints, level
    number = bits.ue()
    if profile in _HIGH_PROFILES:
        if bits.ue() == 3:
            raise Unreadable("4:4:4")
        bits.ue(), bits.ue(), bits.u(1)  # bit depths, lossless
        if bits.u(1):
            raise Unreadable("scaling lists")
    frame_num_bits = bits.ue() + 4
    order_type, order_bits, is_implied = bits.ue(), 0, False
    if order_type == 0:
        order_bits = bits.ue() + 4
    elif order_type == 1:
        is_implied = bool(bits.u(1))
        bits.ue(), bits.ue()
        for _ in range(bits.ue()):
            bits.ue()
    most_refs = bits.ue()
    bits.u(1), bits.ue(), bits.ue()  # gaps, width, height
    if not bits.u(1):
        raise Unreadable("fields")
    return number, _Sps(frame_num_bits, order_type, order_bits, is_implied, most_refs)


def _pps(bits: "_Bits") -> tuple[int, _Pps]:
    number, sps = bits.ue(), bits.ue()
    bits.u(1)  # entropy coding
    has_bottom_order = bool(bits.u(1))
    if bits.ue():
        raise Unreadable("slice groups")
    active = (bits.ue() + 1, bits.ue() + 1)
    bits.u(3)  # weighted prediction
    bits.ue(), bits.ue(), bits.ue()  # quantisers: signed, but as long
    bits.u(2)
    return number, _Pps(sps, has_bottom_order, active, bool(bits.u(1)))


def _parameter_sets(extradata: bytes, length_bytes: int) -> list[bytes]:
    if not length_bytes:
        return [extradata[at : at + _PARAMETER_BYTES] for at in units(extradata, 0)]
    found: list[bytes] = []
    at = 5
    for _ in range(2):  # SPS, then PPS
        if at >= len(extradata):
            break
        count = extradata[at] & 0x1F
        at += 1
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            found.append(extradata[at + 2 : at + 2 + size])
            at += 2 + size
    return [unit for unit in found if unit]


class _Bits:
    """Reads from the front. Unreadable: past the end."""

    def __init__(self, data: bytes) -> None:
        plain = data.replace(b"\0\0\3", b"\0\0")  # the byte that keeps start codes out of the data
        self._value = int.from_bytes(plain, "big")
        self._left = 8 * len(plain)

    def u(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise Unreadable("too short")
        value = self._value >> self._left
        self._value &= (1 << self._left) - 1
        return value

    def ue(self) -> int:
        """Exp-Golomb. A signed one is as long, and is read by this, too, where its value does not matter."""
        zeros = self._left - self._value.bit_length()
        return self.u(2 * zeros + 1) - 1
