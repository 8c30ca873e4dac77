"""H.264 B pictures that others refer to, but only others of the same mini-GOP: where none of those is wanted, all can go.

A mini-GOP is what lies between two pictures that are not B, in the order of showing. Whether an encoder lets later pictures
refer back into it is its habit: x264's ``veryfast`` (one reference) never does, its slower presets do, though the standard
allows both. So the habit is read from the slice headers, and believed once it has shown itself often enough::

    shown    P0  b1  B2  b3  P4  b5  B6  b7  P8
                 └─▶─┴─◀─┘       └─▶─┴─◀─┘            within: B2 is needed for b1 and b3 alone
                      └───────────────◀──┴─◀─┘        beyond: P8 or b7 may refer to B2, which has to be decoded

FFmpeg's ``skip_frame`` BIDIR asks no such question: of seven recordings four came out damaged, and no frame was marked so.

Pure.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from stream_processor.decoding.h264_headers import H264Headers, RefList, Slice, Unreadable

PROOFS = 12
"""So many pictures that could have referred to an earlier mini-GOP's B pictures, and did not, make a habit."""


class _Reference(NamedTuple):
    frame_num: int
    pts: int
    mini_gop: int | None
    """None: not a B picture."""


class MiniGops:
    """One epoch's pictures, all of them, in decoding order."""

    def __init__(self, extradata: bytes | None) -> None:
        self._references: deque[_Reference] = deque(maxlen=16)
        self._mini_gop = 0
        self._before, self._after = -1, -1  # pts of the last two pictures that are not B
        self._proofs = 0
        self.widest = 0
        """The longest mini-GOP with B pictures so far, from one picture that is not B to the next, counted as pts are."""
        self.is_broken = False
        """A picture may refer beyond its mini-GOP, or cannot be read: that does not change any more."""
        try:
            self._headers = H264Headers(extradata)
        except Unreadable:
            self.is_broken = True

    @property
    def are_closed(self) -> bool:
        """Whoever wants none of the B pictures can leave them all out."""
        return self._proofs >= PROOFS and not self.is_broken

    def push(self, pts: int, data: bytes, *, is_alone: bool, is_fresh: bool) -> bool:
        """Is it a B picture? False, too, where that is not known. ``is_alone``, ``is_fresh``: see ``nal.Reach``."""
        if self.is_broken:
            return False
        try:
            slices = self._headers.slices(data)
        except Unreadable:
            self.is_broken = True
            return False
        is_b = all(each.is_bidirectional for each in slices)
        if is_fresh:
            self._references.clear()
        if not is_b and not is_alone:
            self._mini_gop += 1
            self._before, self._after = self._after, pts
        is_within = is_b and self._before < pts < self._after
        if is_within:
            self.widest = max(self.widest, self._after - self._before)
        self._check(pts, slices, self._mini_gop if is_within else None)
        if not is_alone:
            self._references = deque(self._references, maxlen=min(max(slices[0].most_refs, 1), 16))
            self._references.append(_Reference(slices[0].frame_num, pts, self._mini_gop if is_b else None))
        return is_b

    def _check(self, pts: int, slices: Sequence[Slice], mini_gop: int | None) -> None:
        """Does the picture, of this mini-GOP (None: of none), keep clear of the B pictures of others?"""
        foreign = {each for each in self._references if each.mini_gop not in (None, mini_gop)}
        lists = [(entries, self._first(pts, each, index)) for each in slices for index, entries in enumerate(each.lists)]
        if not foreign or not lists:
            return
        if all(_avoids(foreign, entries, first) for entries, first in lists):
            self._proofs += 1
        else:
            self.is_broken = True

    def _first(self, pts: int, each: Slice, index: int) -> _Reference | None:
        """What a list begins with if the slice names nothing: in a P slice the one that was decoded last, in a B slice the
        past one or the coming one next to it (8.2.4.2).
        """
        if not each.is_bidirectional:
            return self._references[-1] if self._references else None
        if index == 0:
            return max((one for one in self._references if one.pts < pts), key=lambda one: one.pts, default=None)
        return min((one for one in self._references if one.pts > pts), key=lambda one: one.pts, default=None)


def _avoids(foreign: set[_Reference], entries: RefList, first: _Reference | None) -> bool:
    """Is each of the entries known, and none of them foreign? What is not named is known only where it is the first."""
    if len(entries.named) >= entries.active:
        return not {each.frame_num for each in foreign} & set(entries.named[: entries.active])
    return entries.active == 1 and not entries.named and first is not None and first not in foreign
