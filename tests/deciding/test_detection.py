import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.deciding.detection import Detection, Step, comparable, is_standby
from stream_processor.peaks import PercentilePeaks
from stream_processor.records import Change, ScoredWindow, Window, replace
from stream_processor.saliency import RobustZ
from stream_processor.settings import PeaksSettings, WindowSettings

CALM = (0.010, 0.012, 0.011, 0.014)


def stream(count: int, *bursts: tuple[int, int], epoch: int = 0, at_seconds: float = 0.0) -> list[Window]:
    """``count`` calm windows, lively in [first, end) of each burst."""
    made = []
    for number in range(count):
        lively = any(first <= number < end for first, end in bursts)
        values = dict.fromkeys(("motion", "novelty", "loudness"), 0.3 if lively else CALM[number % 4])
        start = at_seconds + 3.0 * number
        made.append(Window(epoch, number, start, start + 5, values, (3 * number, 3 * number + 5)))
    return made


def detection(
    warmup_seconds: float = 60.0, baseline: Sequence[Window] = (), standby_after_seconds: float = math.inf
) -> Detection:
    weights = {"motion": 0.4, "novelty": 0.4, "loudness": 0.2}
    peaks = PercentilePeaks(PeaksSettings(), WindowSettings(), lambda epoch, window: f"{epoch}.{window}")
    return Detection(RobustZ(weights, 600), peaks, warmup_seconds, baseline, standby_after_seconds=standby_after_seconds)


def steps(made: Detection, windows: Sequence[Window]) -> list[Step]:
    return [*(made.push(window) for window in windows), made.finish()]


def opened(made: Sequence[Step]) -> list[str]:
    return [change.highlight.id for step in made for change in step.changes if change.type == "open"]


def numbers(made: Sequence[Step]) -> list[tuple[int, int]]:
    return [(scored.window.epoch, scored.window.number) for step in made for scored in step.scored]


def test_warm_up_is_a_delay_not_a_mute() -> None:
    # 60 s of warm-up end with window 19 (57 to 62 s); a burst in windows 6 to 9 is told of then, not lost
    made = steps(detection(60), stream(40, (6, 10)))
    assert [bool(step.changes) for step in made].index(True) == 19
    assert opened(made) == ["0.6"]


def test_a_stream_that_ends_in_warm_up_is_judged_at_its_end() -> None:
    made = steps(detection(600), stream(40, (20, 24)))
    assert all(step == Step() for step in made[:-1])
    assert opened(made) == ["0.20"]


def test_without_warm_up_it_is_judged_against_what_there_is() -> None:
    made = steps(detection(0), stream(20, (12, 16)))
    assert opened(made) == ["0.12"]
    assert made[-1].changes == []


def test_a_kept_baseline_takes_the_place_of_warm_up() -> None:
    earlier = detection()
    steps(earlier, stream(100))
    made = steps(detection(60, earlier.kept()), stream(12, (4, 8)))
    assert opened(made) == ["0.4"]


def test_the_kept_baseline_is_bounded() -> None:
    made = detection()
    steps(made, stream(1000))
    assert [window.number for window in made.kept()] == list(range(800, 1000))


def test_warm_up_counts_down() -> None:
    made = detection(10)
    left = []
    for window in stream(4):
        left.append(made.warmup_left_seconds)
        made.push(window)
    assert left == [10, 5, 2, 0]
    assert made.warmup_left_seconds == 0


def test_every_window_is_decided_once_and_in_order() -> None:
    windows = [*stream(15, (3, 6)), *stream(30, (9, 14), epoch=1, at_seconds=100)]
    made = steps(detection(), windows)
    assert numbers(made) == [(window.epoch, window.number) for window in windows]
    assert all(scored.score == scored.score and scored.threshold > 0 for step in made for scored in step.scored)


def test_an_epoch_s_end_closes_what_is_open_and_the_history_goes_on() -> None:
    made = detection()
    first = [made.push(window) for window in stream(40, (37, 40))]
    ended = made.end_epoch()
    assert [change.type for change in ended.changes][-1] == "close"
    second = steps(made, stream(20, (8, 12), epoch=1, at_seconds=500))
    assert opened([*first, ended]) == ["0.37"]
    assert opened(second) == ["1.8"]


def test_an_epoch_that_ends_in_warm_up_is_still_judged_by_itself() -> None:
    made = detection()
    windows = [*stream(8, (5, 8)), *stream(20, (0, 3), epoch=1, at_seconds=30)]
    assert opened(steps(made, windows)) == ["0.5", "1.0"]


def test_telling_of_an_epoch_s_end_changes_no_decision() -> None:
    first, second = stream(40, (37, 40)), stream(30, (0, 3), epoch=1, at_seconds=200)
    told, found_out = detection(), detection()
    told_steps = [*(told.push(window) for window in first), told.end_epoch(), *steps(told, second)]
    assert all_changes(told_steps) == all_changes(steps(found_out, [*first, *second]))


def test_new_comes_within_fifteen_seconds_of_the_start() -> None:
    made = detection()
    for window in stream(120, (80, 84)):
        for change in made.push(window).changes:
            if change.type == "open":
                assert window.end_seconds - change.highlight.start_seconds <= 11
                return
    pytest.fail("nothing opened")


class Plain:
    """A detector from outside that says nothing but changes."""

    def learn(self, windows: Sequence[ScoredWindow]) -> None:
        self.learnt = len(windows)

    def push(self, window: ScoredWindow) -> Sequence[Change]:
        return []

    def end_epoch(self) -> Sequence[Change]:
        return []


def test_a_detector_that_does_not_explain_passes_windows_on_as_scored() -> None:
    made = Detection(RobustZ({"motion": 1.0}, 600), Plain(), 60)
    assert numbers(steps(made, stream(30))) == [(0, number) for number in range(30)]


values = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


@settings(max_examples=40, deadline=None)
@given(values, values, st.sampled_from([0.0, 30.0, 60.0]))
def test_adding_windows_changes_nothing_decided_before(
    line: list[tuple[float, float, bool]], more: list[tuple[float, float, bool]], warmup_seconds: float
) -> None:
    windows = []
    for number, (motion, loudness, has_sound) in enumerate(line + more):
        signals = {"motion": motion, "loudness": loudness} if has_sound else {"motion": motion}
        windows.append(Window(0, number, 3.0 * number, 3.0 * number + 5, signals, (3 * number, 3 * number + 5)))
    short, long = detection(warmup_seconds), detection(warmup_seconds)
    before = [short.push(window) for window in windows[: len(line)]]
    after = [long.push(window) for window in windows]
    assert all_changes(after)[: len(all_changes(before))] == all_changes(before)
    assert numbers(after)[: len(numbers(before))] == numbers(before)


def all_changes(made: Sequence[Step]) -> list[Change]:
    return [change for step in made for change in step.changes]


# ---- a fall to another kind of scorer --------------------------------------------------------------------------------


def falling(windows: Sequence[Window], at: int, factor: float = 100.0) -> list[Window]:
    """From window ``at`` on, motion is measured by another kind, in a unit ``factor`` times as small."""
    return [
        window
        if window.number < at
        else replace(
            window,
            values={**window.values, "motion": factor * window.values["motion"]},
            restarts=frozenset({"motion"} if window.number == at else ()),
        )
        for window in windows
    ]


def test_a_fall_is_no_highlight_and_the_next_one_is_still_found() -> None:
    #  calm … calm │ calm in another unit … burst
    windows = falling(stream(100, (80, 84)), at=50)
    assert opened(steps(detection(), windows)) == ["0.80"]
    without_restart = [replace(window, restarts=frozenset()) for window in windows]
    assert opened(steps(detection(), without_restart))[0] != "0.80", "or the test shows nothing"


@pytest.mark.parametrize("at", [0, 1, 10, 18])
def test_in_warm_up_windows_before_a_fall_go_without_the_signal(at: int) -> None:
    #  0 … at │ …… 19     all judged at once, when 60 s have been seen
    for scored in scored_of(steps(detection(), falling(stream(40), at)))[:20]:
        assert set(scored.deviations) == {"novelty", "loudness"} | ({"motion"} if scored.window.number >= at else set())
        assert scored.saliency < 0.2, "calm is calm in any unit"


def test_a_highlight_in_warm_up_is_found_on_either_side_of_a_fall() -> None:
    assert opened(steps(detection(), falling(stream(40, (4, 8)), at=12))) == ["0.4"]
    assert opened(steps(detection(), falling(stream(40, (14, 18)), at=8))) == ["0.14"]


def test_the_kept_baseline_holds_the_newest_kind_alone() -> None:
    made = detection()
    steps(made, falling(stream(60), at=50))
    assert all("motion" not in window.values for window in made.kept()[:50])
    assert all(window.values["motion"] > 0.5 for window in made.kept()[50:])
    assert not any(window.restarts for window in made.kept())
    assert opened(steps(detection(60, made.kept()), falling(stream(12, (4, 8)), at=0))) == ["0.4"]


def test_windows_without_a_fall_are_comparable_as_they_are() -> None:
    windows = stream(5)
    assert all(made is window for made, window in zip(comparable(windows), windows, strict=True))


def test_of_two_falls_the_last_counts() -> None:
    windows = falling(falling(stream(9), at=3), at=6)
    assert [window.number for window in comparable(windows) if "motion" in window.values] == [6, 7, 8]


@settings(max_examples=40, deadline=None)
@given(values, values, st.floats(0.01, 1000), st.sampled_from([0.0, 30.0]))
def test_a_fall_changes_no_decision_before_it(
    line: list[tuple[float, float, bool]], more: list[tuple[float, float, bool]], factor: float, warmup_seconds: float
) -> None:
    windows = []
    for number, (motion, loudness, _) in enumerate(line + more):
        signals = {"motion": motion, "loudness": loudness}
        windows.append(Window(0, number, 3.0 * number, 3.0 * number + 5, signals, (3 * number, 3 * number + 5)))
    plain, fallen = detection(warmup_seconds), detection(warmup_seconds)
    without = [plain.push(window) for window in windows]
    with_fall = [fallen.push(window) for window in falling(windows, at=len(line), factor=factor)]
    assert with_fall[: len(line)] == without[: len(line)]
    if len(line) * 3 + 2 >= warmup_seconds:  # else the windows before it are still held, and judged without the signal
        pairs = zip(scored_of(with_fall), scored_of(without), strict=True)
        assert all(
            (one.saliency, one.deviations) == (other.saliency, other.deviations)
            for one, other in pairs
            if one.window.number < len(line)
        )


def scored_of(made: Sequence[Step]) -> list[ScoredWindow]:
    return [scored for step in made for scored in step.scored]


# ---- waiting screens ------------------------------------------------------------------------------------------------


def shown(windows: Sequence[Window], *screens: tuple[int, int]) -> list[Window]:
    """The windows with waiting screens in [first, end) of each."""
    covered = {number for first, end in screens for number in range(first, end)}
    return [replace(window, nuisance=1.0) if place in covered else window for place, window in enumerate(windows)]


def with_standby(warmup_seconds: float = 60.0, baseline: Sequence[Window] = ()) -> Detection:
    return detection(warmup_seconds, baseline, standby_after_seconds=30.0)


def test_a_waiting_screen_opens_no_highlight() -> None:
    windows = stream(80, (40, 44), (60, 64))
    assert opened(steps(with_standby(), windows)) == ["0.40", "0.60"]
    assert opened(steps(with_standby(), shown(windows, (35, 50)))) == ["0.60"]


def test_half_a_window_of_waiting_screen_is_none() -> None:
    halves = [replace(window, nuisance=0.5) for window in stream(60, (40, 44))]
    assert opened(steps(with_standby(), halves)) == ["0.40"]
    assert not is_standby(halves[0])


def test_an_open_highlight_closes_where_the_waiting_screen_begins() -> None:
    #  lively   40 ─────────── 50
    #  screen         44 ─────────── 60
    made = steps(with_standby(), shown(stream(80, (40, 50)), (44, 60)))
    (closed,) = [change.highlight for step in made for change in step.changes if change.type == "close"]
    assert closed.id == "0.40"
    assert closed.windows[-1].window.number == 43


def test_every_window_is_decided_once_and_in_order_with_waiting_screens_too() -> None:
    for screens in ([(0, 12)], [(5, 30)], [(10, 15), (18, 40)], [(40, 50), (52, 60)], [(0, 80)]):
        windows = shown(stream(80, (6, 9), (44, 48), (66, 70)), *screens)
        made = steps(with_standby(), windows)
        assert numbers(made) == [(window.epoch, window.number) for window in windows]
        unjudged = [scored.window for step in made for scored in step.scored if math.isnan(scored.threshold)]
        assert {window.number for window in windows if is_standby(window)} <= {window.number for window in unjudged}


def test_a_waiting_screen_is_not_learnt() -> None:
    # a calm game, half an hour of loud screen, the game again: the screen has changed nothing about what is unusual in it
    calm, loud = stream(60), stream(600, (0, 600), at_seconds=180.0)
    screen = [replace(window, number=window.number + 60, nuisance=1.0) for window in loud]
    game = [replace(window, number=window.number + 660) for window in stream(60, (30, 34), at_seconds=1980.0)]
    assert opened(steps(with_standby(), [*calm, *screen, *game])) == ["0.690"]


def test_warm_up_begins_when_the_waiting_screen_is_over() -> None:
    # 100 windows of screen, then the game: its first minute is held, and what is lively in it is told of at its end
    windows = shown(stream(160, (3, 7), (106, 110)), (10, 100))
    made = steps(with_standby(60), windows)
    assert opened(made) == ["0.106"]
    first = next(place for place, step in enumerate(made) if step.changes)
    assert windows[first].start_seconds - windows[99].start_seconds == pytest.approx(60, abs=6)


def test_what_came_before_a_screen_counts_for_the_warm_up() -> None:
    # seconds     0 ── game ── 20 ── screen, not recognised yet ── 51 ── screen ── 120 ── game
    made = with_standby(60)
    windows = shown(stream(80), (17, 40))
    for window in windows[:40]:
        made.push(window)
    assert made.warmup_left_seconds == pytest.approx(60 - 20)
    assert opened(steps(made, stream(80, (60, 64))[40:])) == ["0.60"]


def test_what_warm_up_holds_of_a_screen_that_is_not_recognised_yet_is_dropped() -> None:
    # the first 30 s of a screen look like any stream: in hindsight they belong to it (windows 0 to 9), and are never judged
    made = steps(with_standby(60), shown(stream(100, (4, 8)), (10, 60)))
    assert opened(made) == []
    assert all(math.isnan(scored.threshold) for step in made for scored in step.scored if scored.window.number < 10)


def test_what_came_before_the_screen_is_judged_at_once_while_its_packets_are_still_there() -> None:
    made = steps(with_standby(90), shown(stream(100, (6, 10)), (28, 90)))
    assert opened(made[:29]) == ["0.6"]


def test_a_waiting_screen_is_no_part_of_the_kept_baseline() -> None:
    made = with_standby()
    steps(made, shown(stream(100), (20, 60)))
    assert [window.number for window in made.kept()] == [*range(20), *range(60, 100)]


def test_switched_off_it_decides_as_if_nobody_had_said_anything() -> None:
    windows = stream(120, (10, 14), (40, 44), (80, 84))
    assert opened(steps(detection(), shown(windows, (5, 60)))) == opened(steps(detection(), windows))


@settings(max_examples=40, deadline=None)
@given(
    screens=st.lists(st.tuples(st.integers(0, 110), st.integers(1, 40)), max_size=4),
    bursts=st.lists(st.tuples(st.integers(0, 115), st.integers(1, 6)), max_size=4),
)
def test_no_highlight_ever_holds_a_window_of_a_waiting_screen(
    screens: list[tuple[int, int]], bursts: list[tuple[int, int]]
) -> None:
    windows = shown(
        stream(120, *((first, first + length) for first, length in bursts)), *((a, a + length) for a, length in screens)
    )
    changes = [change for step in steps(with_standby(), windows) for change in step.changes]
    assert not any(is_standby(scored.window) for change in changes for scored in change.highlight.windows)
    assert sum(change.type == "open" for change in changes) == sum(change.type == "close" for change in changes)
