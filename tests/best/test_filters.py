"""Which filters are asked for, and how large the picture becomes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.best.filters import chain, check_filters, first_pass, has_filter, scaled
from stream_processor.best.settings import BestClips
from stream_processor.errors import SettingsError


def test_by_default_nothing_is_done() -> None:
    assert chain(BestClips(), 1920, 1080, is_turned=False, fps=30) == []


def test_they_come_in_order() -> None:
    settings = BestClips(stabilise="deshake", colour="normalise", height=540)
    names = [described.partition("=")[0] for described in chain(settings, 1920, 1080, is_turned=False, fps=30)]
    assert names == ["deshake", "normalize", "scale"]


@given(st.integers(2, 4320), st.integers(16, 8000), st.integers(16, 8000), st.booleans())
def test_the_shape_is_kept_and_the_sides_are_even(height: int, wide: int, high: int, is_turned: bool) -> None:
    width, result = scaled(height, wide, high, is_turned=is_turned)
    assert width % 2 == 0
    assert result % 2 == 0
    assert abs((width if is_turned else result) - height) <= 1
    factor = height / (wide if is_turned else high)
    assert abs(width - max(2, wide * factor)) <= 1
    assert abs(result - max(2, high * factor)) <= 1


@pytest.mark.skipif(has_filter("vidstabdetect"), reason="this FFmpeg has vidstab")
def test_what_this_ffmpeg_cannot_do_is_one_line_that_says_what_to_do() -> None:
    with pytest.raises(SettingsError, match=r'best_clips\.stabilise = "vidstab": this FFmpeg .* use "deshake"'):
        check_filters(BestClips(stabilise="vidstab"))


def test_what_it_can_do_is_let_through() -> None:
    check_filters(BestClips(stabilise="deshake", colour="normalise"))


def test_a_path_with_quotes_and_colons_stays_one_path() -> None:
    assert first_pass(Path("C:/it's/a")) == [r"vidstabdetect=result='C\:/it\'\''s/a'"]
