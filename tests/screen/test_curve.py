import math

from hypothesis import given
from hypothesis import strategies as st

from stream_processor.screen.curve import draw, sparkline
from stream_processor.status import Point

SOME = st.floats(-1e9, 1e9) | st.sampled_from([math.nan, math.inf, -math.inf])


def text(points: list[Point], highlights: list[tuple[float, float]], width: int, height: int) -> list[str]:
    return [line.plain for line in draw(points, highlights, width, height)]


def test_bars_stand_under_and_over_the_threshold_and_a_highlight_is_marked_below() -> None:
    points = [Point(seconds, score, 2.0) for seconds, score in [(0, 1.0), (3, 4.0), (6, 4.0), (9, 0.0)]]
    assert text(points, [(3, 9)], width=13, height=5) == [
        "  4.00 ┤  ██ ",
        "  2.00 ┼ ─██─",  # nothing is known before the first window
        "       │  ██ ",
        "       │ ███ ",
        "  0.00 ┴──━━─",
    ]


def test_the_newest_windows_are_shown_where_not_all_have_room() -> None:
    points = [Point(3.0 * number, float(number), math.nan) for number in range(100)]
    lines = text(points, [], width=18, height=4)
    assert lines[0].startswith(" 99.00 ┤")
    assert {len(line) for line in lines} == {18}


def test_an_outburst_is_cut_off_so_that_the_rest_stays_visible() -> None:
    points = [Point(0, 1.0, 2.0), Point(3, 1000.0, 2.0)]
    assert text(points, [], width=10, height=7)[0] == "  6.00 ┤ █"


@given(st.lists(st.builds(Point, st.floats(0, 1e6), SOME, SOME), max_size=60), st.integers(0, 80), st.integers(0, 12))
def test_whatever_the_values_it_fills_its_place_exactly(points: list[Point], width: int, height: int) -> None:
    lines = text(points, [(0, 5)], width, height)
    assert len(lines) == max(height, 2)
    assert {len(line) for line in lines} == {max(width, 9)}
    assert len(sparkline(points, 20)) == 20


def test_in_one_line_what_is_above_the_threshold_has_its_own_colour() -> None:
    line = sparkline([Point(0, 0.0, 2.0), Point(3, 2.0, 2.0), Point(6, 2.4, 2.0), Point(9, 1.2, 2.0)], 6)
    assert line.plain == "   ▇█▄"
    assert [(span.start, span.end, span.style) for span in line.spans] == [(2, 3, "below"), (3, 5, "above"), (5, 6, "below")]
    assert sparkline([Point(0, 1.0, 2.0)], 0).plain == ""
