"""
line      a a a a a a          a
seconds   0 1 2 3 4 5    …     61
said      a a a . . .          "and 3 more", a
"""

from hypothesis import given
from hypothesis import strategies as st

from stream_processor.logs.repeats import _MAX_TOPICS, FIRST, WINDOW_SECONDS, Repeats, Topic

A, B = Topic("log", 30, "lost the stream", "one"), Topic("log", 30, "lost the stream", "two")


def test_the_first_lines_are_said_and_the_others_counted_until_the_minute_is_over() -> None:
    repeats = Repeats()
    assert [repeats.says(A, float(second)) for second in range(6)] == [True] * FIRST + [False] * 3
    assert repeats.due(WINDOW_SECONDS - 0.1) == []
    assert repeats.due(WINDOW_SECONDS) == [(A, 3)]
    assert repeats.due(WINDOW_SECONDS) == []


def test_the_next_minute_begins_with_its_own_first_lines() -> None:
    repeats = Repeats()
    for second in range(6):
        repeats.says(A, float(second))
    assert repeats.says(A, WINDOW_SECONDS)
    assert repeats.due(WINDOW_SECONDS) == [(A, 3)]


def test_what_is_said_of_another_channel_is_another_line() -> None:
    repeats = Repeats()
    assert [repeats.says(topic, 0.0) for topic in (A, A, A, A, B)] == [True, True, True, False, True]


def test_what_never_came_often_enough_is_not_due() -> None:
    repeats = Repeats()
    repeats.says(A, 0.0)
    assert repeats.rest() == []


def test_at_the_end_what_was_left_out_is_told_before_its_minute_is_over() -> None:
    repeats = Repeats()
    for _ in range(5):
        repeats.says(A, 0.0)
    assert repeats.rest() == [(A, 2)]


lines = st.lists(st.tuples(st.integers(0, _MAX_TOPICS + 50), st.floats(0, 30)), max_size=400)


@given(lines)
def test_every_line_is_either_said_or_counted_and_the_memory_is_bounded(lines: list[tuple[int, float]]) -> None:
    repeats, now, said, counted = Repeats(), 0.0, 0, 0
    for number, gap in lines:
        now += gap
        said += repeats.says(Topic("log", 30, str(number)), now)
        counted += sum(left_out.lines for left_out in repeats.due(now))
        assert len(repeats._windows) <= _MAX_TOPICS
    counted += sum(left_out.lines for left_out in repeats.rest())
    assert said + counted == len(lines)


def test_a_topic_that_must_make_room_is_told_of() -> None:
    repeats = Repeats()
    for _ in range(FIRST + 7):
        repeats.says(A, 0.0)
    for number in range(_MAX_TOPICS):
        repeats.says(Topic("log", 30, str(number)), 1.0)
    assert repeats.due(1.0) == [(A, 7)]
