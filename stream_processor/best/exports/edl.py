"""A CMX 3600 edit decision list, which every editor reads.

Written here and not by OpenTimelineIO's adapter: that one gives two recordings whose names begin alike the same reel, leaves the
sound out and does not say whether the timecode drops frames. The tests read it back with the adapter.
"""

import re
import unicodedata
from collections.abc import Sequence

from stream_processor.best.exports.edit_list import EditList
from stream_processor.best.exports.rates import timecode
from stream_processor.best.labels import printable

_RECORD_START_HOURS = 1
"""Where a programme begins by custom."""
_REEL = 8


def text(edits: EditList, title: str = "Best moments") -> str:
    """Source and record times are counted at the list's rate; of a recording with another one they are the nearest."""
    drop = edits.is_drop_frame
    begin = round(_RECORD_START_HOURS * 3600 * edits.rate)
    if drop:  # 01:00:00;00 itself
        begin = _first_frame_of_hour(edits)
    reels = reel_names([medium.name for medium in edits.media])
    lines = [f"TITLE: {title}", f"FCM: {'DROP FRAME' if drop else 'NON-DROP FRAME'}", ""]
    for number, edit in enumerate(edits.edits, 1):
        medium = edits.media[edit.medium]
        source_in = round((medium.first_frame + edit.source_in) / medium.rate * edits.rate)
        channels = "AA/V" if medium.video.has_sound else "V"
        times = [
            timecode(frame, edits.rate, drop=drop)
            for frame in (source_in, source_in + edit.frames, begin + edit.record_in, begin + edit.record_in + edit.frames)
        ]
        lines.append(f"{number:03d}  {reels[edit.medium]:8} {channels:5} C        {' '.join(times)}")
        lines.append(f"* FROM CLIP NAME: {medium.name}")
        lines.append(f"* SOURCE FILE: {printable(str(medium.path))}")
        lines.append(f"* COMMENT: #{edit.rank}, {edit.comment}")
    return "\n".join(lines) + "\n"


def reel_names(names: Sequence[str]) -> list[str]:
    """At most eight of A–Z and 0–9, each its own."""
    reels: list[str] = []
    for name in names:
        stem = name.rpartition(".")[0] or name
        plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
        base = re.sub(r"[^A-Z0-9]", "", plain.upper())[:_REEL] or "VIDEO"
        reel, number = base, 2
        while reel in reels or reel in ("AX", "BL"):
            reel = f"{base[: _REEL - len(str(number))]}{number}"
            number += 1
        reels.append(reel)
    return reels


def _first_frame_of_hour(edits: EditList) -> int:
    """Of 01:00:00;00: an hour of drop-frame timecode has fewer frames than numbers."""
    base = round(edits.rate)
    return 3600 * base - base // 15 * 54
