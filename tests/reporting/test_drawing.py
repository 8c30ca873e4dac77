"""A curve of any length stays small and keeps its summits."""

import math
import re

from hypothesis import given
from hypothesis import strategies as st

from stream_processor.reporting.drawing import HEIGHT, MOST_ROWS, WIDTH, clock, row_seconds, rows, thinned
from stream_processor.reporting.page import Curve, Moment, NearMiss, Point

NAN = math.nan


def curve(duration: float, points: list[Point], *moments: Moment, misses: tuple[NearMiss, ...] = ()) -> Curve:
    return Curve("c", duration, [points], moments, misses)


def moment(start: float, end: float) -> Moment:
    return Moment(1, start, end, start, 0.9, 0.5, "", {})


def places(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([-\d.]+) ([-\d.]+)", path)]


def test_a_short_recording_has_one_row_of_its_own_length() -> None:
    (row,) = rows(curve(52.0, [Point(0.0, 0.0, NAN), Point(26.0, 1.0, NAN), Point(52.0, 0.0, NAN)]))
    assert (row.start_seconds, row.end_seconds) == (0.0, 52.0)
    xs = [x for x, _ in places(row.score)]
    assert xs == [0.0, WIDTH / 2, WIDTH]


def test_a_highlight_across_two_rows_is_drawn_in_both() -> None:
    #  row 1  ├──────────────[══┤        row 2  ├══)──────────────┤
    drawn = rows(curve(2400.0, [], moment(590.0, 610.0)))
    assert [len(row.spans) for row in drawn] == [1, 1, 0, 0]
    assert drawn[0].spans[0].x + drawn[0].spans[0].width == WIDTH
    assert drawn[1].spans[0].x == 0


def test_numbers_do_not_stand_in_each_other() -> None:
    #  600 s    [1][2]        [3]
    (row,) = rows(curve(600.0, [], moment(100.0, 106.0), moment(107.0, 113.0), moment(130.0, 136.0)))
    assert [span.has_number for span in row.spans] == [True, False, True]


def test_a_curve_is_torn_where_the_score_is_not_known() -> None:
    (row,) = rows(curve(40.0, [Point(1, 0, 1), Point(2, 1, 1), Point(3, NAN, 1), Point(4, 0, 1)]))
    assert row.score.count("M") == 2
    assert row.threshold.count("M") == 1


def test_a_run_of_a_week_is_drawn_small_and_its_one_summit_is_there() -> None:
    week = 7 * 86400.0
    points = [Point(3.0 * n, 1.0 if n == 123_456 else 0.1 + 0.01 * (n % 7), 0.5) for n in range(int(week / 3))]
    drawn = rows(curve(week, points))
    assert len(drawn) <= MOST_ROWS
    assert sum(len(row.score) for row in drawn) < 500_000
    assert sum(any(y < 0.2 * HEIGHT for _, y in places(row.score)) for row in drawn) == 1


@given(st.floats(0, 40 * 86400, allow_nan=False))
def test_there_are_never_more_rows_than_a_page_can_show(duration: float) -> None:
    assert math.ceil(duration / row_seconds(duration) - 1e-9) <= MOST_ROWS


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=200), st.integers(1, 20))
def test_thinning_keeps_order_lowest_and_highest(scores: list[float], buckets: int) -> None:
    points = [Point(float(n), score, NAN) for n, score in enumerate(scores)]
    kept = thinned(points, buckets, 0.0, float(len(points)), "score")
    assert [one.seconds for one in kept] == sorted(one.seconds for one in kept)
    assert max(one.score for one in kept) == max(scores)
    assert min(one.score for one in kept) == min(scores)
    assert len(kept) <= 2 * buckets


def test_times_read_as_people_write_them() -> None:
    assert [clock(seconds) for seconds in (0, 59.6, 61, 3661, 90000)] == ["0:00", "1:00", "1:01", "1:01:01", "25:00:00"]
