"""
day       1        2            3
score     5  1     3  2  9      4
goes      2. 1.    4. 3. 5.     6.       when there is not enough room
"""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from stream_processor.operations.retention import KeptClip, choose

DAY = 86400.0
NOW = 1_800_000_000.0 // DAY * DAY + 10 * DAY


def clip(id: str, days_ago: float, score: float = 1.0, size: int = 100) -> KeptClip:
    return KeptClip(id, Path(f"one/{id}.json"), (Path(f"one/{id}.mp4"),), score, NOW - days_ago * DAY, size)


def test_without_bounds_nothing_goes() -> None:
    choice = choose([clip("a", 5000)], now=NOW, max_seconds=None, max_bytes=None)
    assert (choice.old, choice.excess, choice.left_bytes) == ([], [], 100)


def test_everything_older_than_the_bound_goes_and_nothing_younger() -> None:
    choice = choose([clip("a", 3.1, 9.0), clip("b", 2.9, 0.1)], now=NOW, max_seconds=3 * DAY, max_bytes=None)
    assert [each.id for each in choice.old] == ["a"]


def test_the_oldest_day_goes_first_and_within_it_the_lowest_score() -> None:
    clips = [
        clip("5 of day 1", 2.9, 5), clip("1 of day 1", 2.1, 1),
        clip("3 of day 2", 1.9, 3), clip("2 of day 2", 1.5, 2), clip("9 of day 2", 1.2, 9),
        clip("4 of day 3", 0.5, 4),
    ]  # fmt: skip
    order = [
        [each.id for each in choose(clips, now=NOW, max_seconds=None, max_bytes=room).excess][-1] for room in range(500, -1, -100)
    ]
    assert order == ["1 of day 1", "5 of day 1", "2 of day 2", "3 of day 2", "9 of day 2", "4 of day 3"]


def test_what_goes_for_its_age_makes_room_first() -> None:
    clips = [clip("old", 9), clip("low", 1, 1), clip("high", 1, 2)]
    choice = choose(clips, now=NOW, max_seconds=3 * DAY, max_bytes=200)
    assert ([each.id for each in choice.old], [each.id for each in choice.excess]) == (["old"], [])


def test_what_was_just_written_stays_even_where_there_is_no_room() -> None:
    choice = choose([clip("new", 59 / DAY)], now=NOW, max_seconds=1.0, max_bytes=0)
    assert (choice.old, choice.excess, choice.left_bytes) == ([], [], 100)
    assert choose([clip("new", 61 / DAY)], now=NOW, max_seconds=None, max_bytes=0).excess


def test_what_somebody_is_busy_with_stays() -> None:
    choice = choose([clip("busy", 5), clip("free", 4)], now=NOW, max_seconds=DAY, max_bytes=0, busy={"busy"})
    assert [each.id for each in choice.old] == ["free"]


def test_a_clip_written_before_the_clock_was_set_is_not_taken_for_old_but_goes_first_for_room() -> None:
    clips = [KeptClip("1970", Path("1970.json"), (), 9.0, 300.0, 100), clip("b", 1)]
    assert choose(clips, now=NOW, max_seconds=DAY * 365, max_bytes=None).old == []
    assert [each.id for each in choose(clips, now=NOW, max_seconds=None, max_bytes=100).excess] == ["1970"]


def test_a_clip_from_the_future_is_not_kept_for_ever() -> None:
    assert choose([clip("ahead", -300)], now=NOW, max_seconds=None, max_bytes=0).excess


shelves = st.lists(
    st.builds(clip, st.uuids().map(str), st.floats(0, 40), st.floats(-5, 5) | st.just(float("-inf")), st.integers(0, 10**9)),
    max_size=30,
    unique_by=lambda each: each.id,
)


@given(shelves, st.none() | st.integers(0, 10**10), st.none() | st.floats(0, 50), st.data())
def test_what_stays_fits_or_nothing_more_could_go_and_no_more_goes_than_must(
    clips: list[KeptClip], max_bytes: int | None, max_days: float | None, data: st.DataObject
) -> None:
    busy = set(data.draw(st.lists(st.sampled_from([each.id for each in clips])))) if clips else set()
    max_seconds = None if max_days is None else max_days * DAY
    choice = choose(clips, now=NOW, max_seconds=max_seconds, max_bytes=max_bytes, busy=busy)
    gone = {each.id for each in (*choice.old, *choice.excess)}
    left = [each for each in clips if each.id not in gone]
    assert sum(each.size_bytes for each in left) == choice.left_bytes
    assert len(gone) == len(choice.old) + len(choice.excess)
    assert not gone & busy
    if max_bytes is not None:
        assert choice.left_bytes <= max_bytes or all(each.id in busy or NOW - each.written_at < 60 for each in left)
        if choice.excess:
            assert choice.left_bytes + choice.excess[-1].size_bytes > max_bytes
    else:
        assert not choice.excess
