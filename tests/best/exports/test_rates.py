"""Frame rates and timecodes, held against OpenTimelineIO's.

drop-frame at 29.97    00:00:59;28  00:00:59;29  00:01:00;02  …  00:09:59;29  00:10:00;00
"""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.best.exports.rates import STANDARD, frame_of, is_drop_frame, nearest, timecode

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("frame", "text"), [(1799, "00:00:59;29"), (1800, "00:01:00;02"), (17981, "00:09:59;29"), (17982, "00:10:00;00")]
)
def test_drop_frame_skips_numbers_at_whole_minutes(frame: int, text: str) -> None:
    assert timecode(frame, NTSC, drop=True) == text


@given(st.sampled_from(STANDARD), st.integers(0, 2_000_000))
def test_a_timecode_is_read_back_as_its_frame(rate: Fraction, frame: int) -> None:
    frame %= int(23 * 3600 * rate)
    assert frame_of(timecode(frame, rate, drop=is_drop_frame(rate)), rate) == frame


@given(st.sampled_from(STANDARD), st.integers(0, 2_000_000))
def test_opentimelineio_counts_alike(rate: Fraction, frame: int) -> None:
    opentime = pytest.importorskip("opentimelineio.opentime")
    frame %= int(23 * 3600 * rate)
    ours = timecode(frame, rate, drop=is_drop_frame(rate))
    assert opentime.from_timecode(ours, float(rate)).to_frames() == frame


@given(st.integers(0, 2_000_000))
def test_drop_frame_stays_with_the_clock(frame: int) -> None:
    frame %= int(23 * 3600 * NTSC)
    hours, minutes, rest = timecode(frame, NTSC, drop=True).split(":")
    seconds, frames = rest.split(";")
    said = int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(frames) / 30
    assert abs(said - frame / NTSC) < 0.1


@pytest.mark.parametrize(
    ("fps", "rate", "is_exact"),
    [
        (29.97, NTSC, True),
        (23.976, Fraction(24000, 1001), True),
        (24.0, Fraction(24), True),
        (12.5, Fraction(25), True),
        (15.0, Fraction(30), True),
        (120.0, Fraction(60), False),
        (28.4, NTSC, False),
        (None, Fraction(30), False),
    ],
)
def test_the_rate_in_which_an_editor_counts(fps: float | None, rate: Fraction, is_exact: bool) -> None:
    assert nearest(fps) == (rate, is_exact)


@pytest.mark.parametrize("text", ["", "1:2:3", "00:00:00:00:00", "eleven"])
def test_what_is_no_timecode(text: str) -> None:
    assert frame_of(text, NTSC) is None
