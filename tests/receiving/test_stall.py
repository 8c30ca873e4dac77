"""Silence on a scripted clock: what counts, and what does not."""

from hypothesis import given
from hypothesis import strategies as st

from stream_processor.receiving.stall import LOOK_SECONDS, MOST_COUNTED_SECONDS, Silence


def looks(silence: Silence, begin: float, seconds: float, quiet_until: float = 0.0) -> float | None:
    """Look regularly. When it was first too long."""
    now = begin
    while now < begin + seconds:
        now += LOOK_SECONDS
        if silence.is_too_long(now, quiet_until):
            return now
    return None


@given(limit=st.floats(0.5, 100.0), begin=st.floats(0.0, 1e6))
def test_it_is_noticed_at_the_first_look_after_the_limit(limit: float, begin: float) -> None:
    noticed_at = looks(Silence(limit, begin), begin, 200.0)
    assert noticed_at is not None
    assert limit - 1e-6 <= noticed_at - begin <= limit + 2 * LOOK_SECONDS


def test_what_comes_begins_it_anew() -> None:
    silence = Silence(10.0, 0.0)
    assert looks(silence, 0.0, 9.0) is None
    silence.heard(9.0)
    assert looks(silence, 9.0, 9.0) is None
    assert looks(silence, 18.0, 9.0) is not None


@given(stopped=st.floats(1.0, 1e6))
def test_a_minute_in_which_the_watch_itself_stood_still_is_not_held_against_the_other_side(stopped: float) -> None:
    """``0 ── looks ── 5 s │ SIGSTOP … SIGCONT │ ── looks ── the limit is still as far away, but for a second``"""
    silence = Silence(10.0, 0.0)
    assert looks(silence, 0.0, 5.0) is None
    assert not silence.is_too_long(5.0 + stopped)
    assert silence.seconds <= 5.0 + MOST_COUNTED_SECONDS
    assert looks(silence, 5.0 + stopped, 3.5) is None
    assert looks(silence, 8.5 + stopped, 2.0) is not None


def test_nothing_is_counted_until_it_was_right_to_be_silent() -> None:
    silence = Silence(10.0, 0.0)
    assert looks(silence, 0.0, 600.0, quiet_until=600.25) is None
    noticed_at = looks(silence, 600.0, 20.0)
    assert noticed_at is not None
    assert noticed_at >= 609.0


def test_without_a_limit_it_is_never_too_long() -> None:
    assert looks(Silence(None, 0.0), 0.0, 1000.0) is None
