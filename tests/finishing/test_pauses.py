"""Pauses: quiet for long enough; a gap within a word is none, and beside words a little is left."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.finishing.pauses import CHUNK_SECONDS, HYSTERESIS, WORD_PAD_SECONDS, Pause, is_spoken_at, pauses
from stream_processor.records import Samples
from tests.finishing.recorded import spoken


def found(line: str, min_seconds: float = 0.2) -> list[Pause]:
    return pauses(spoken(line), threshold=0.5, min_seconds=min_seconds)


def at(place: float) -> float:
    """Seconds at which the character begins."""
    return place * CHUNK_SECONDS


def test_a_pause_lies_between_two_words_less_a_little_beside_each() -> None:
    #        0    5         15
    (pause,) = found("#####..........#####")
    assert pause == pytest.approx((at(5) + WORD_PAD_SECONDS, at(15) - WORD_PAD_SECONDS))


def test_a_short_gap_is_none() -> None:
    assert found("#####......#####") == []  # 6 chunks, 0.192 s
    assert len(found("#####.......#####")) == 1  # 7 chunks, 0.224 s


def test_what_is_quiet_at_both_ends_counts_as_far_as_the_trace_reaches() -> None:
    first, last = found("........####........")
    assert first.start == pytest.approx(WORD_PAD_SECONDS)
    assert last.end == pytest.approx(at(20) - WORD_PAD_SECONDS)


def test_a_word_that_fades_goes_on_until_it_is_well_below_the_threshold() -> None:
    (pause,) = found("####~~~~..........####")
    assert pause.start == pytest.approx(at(8) + WORD_PAD_SECONDS)


def test_a_hole_in_the_sound_is_quiet() -> None:
    (pause,) = found("####          ####")
    assert pause == pytest.approx((at(4) + WORD_PAD_SECONDS, at(14) - WORD_PAD_SECONDS))


def test_nothing_heard_has_no_pauses() -> None:
    assert pauses(Samples.none(), threshold=0.5, min_seconds=0.2) == []
    assert not is_spoken_at(1.0, Samples.none(), [], threshold=0.5)


@pytest.mark.parametrize(
    ("line", "place", "expected"),
    [
        ("..........#####..........", 12, True),
        ("..........#####..........", 5, False),
        ("..........##..##.........", 13, True),  # a gap within a word
        ("..........~~~~~..........", 12, False),  # a noise that might have been a voice
        ("..........~~#~~..........", 10.5, True),  # the word's weak beginning
        ("....######", 20, False),  # past the end of what was heard
    ],
)
def test_whether_somebody_speaks(line: str, place: float, expected: bool) -> None:
    assert is_spoken_at(at(place), spoken(line), found(line), threshold=0.5) is expected


lines = st.text(alphabet="#.~ ", min_size=1, max_size=80)


@given(line=lines, min_seconds=st.floats(0.1, 1.0))
def test_no_pause_touches_a_word_and_each_is_long_enough(line: str, min_seconds: float) -> None:
    trace = spoken(line)
    words = trace.times[trace.values >= 0.5 - HYSTERESIS]
    for pause in pauses(trace, threshold=0.5, min_seconds=min_seconds):
        assert pause.end - pause.start >= min_seconds - 2 * WORD_PAD_SECONDS - 1e-5
        assert not ((words + CHUNK_SECONDS > pause.start) & (words < pause.end)).any()


@given(line=lines)
def test_where_it_is_quiet_for_long_there_is_a_pause(line: str) -> None:
    trace = spoken("#" + line + "#")
    words = trace.times[trace.values >= 0.5 - HYSTERESIS]
    gaps = np.diff(words) - CHUNK_SECONDS
    assert len(pauses(trace, threshold=0.5, min_seconds=0.2)) == (gaps >= 0.2 - 1e-6).sum()
