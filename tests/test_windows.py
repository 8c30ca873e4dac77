"""Windows as time lines: each digit is a pane, each row below it the panes of one window."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.errors import SettingsError
from stream_processor.records import PaneScore, Sum, Window, replace
from stream_processor.settings import WindowSettings
from stream_processor.windows import Windows


def pane(
    number: int, *, epoch: int = 0, last: bool = False, seconds: float = 1.0, value: float = 0.0, count: int = 5
) -> PaneScore:
    start = 100.0 * epoch + number * 1.0
    return PaneScore(epoch, number, start, seconds, {"motion": Sum(value * count, count)}, float(number), is_last=last)


def put_together(panes: list[PaneScore], length: float = 5, hop: float = 3) -> list[Window]:
    windows = Windows(WindowSettings(length_seconds=length, hop_seconds=hop))
    return [window for each in panes for window in windows.push(each)]


def spans(windows: list[Window]) -> list[tuple[float, float]]:
    return [(window.start_seconds, window.end_seconds) for window in windows]


def test_five_seconds_every_three() -> None:
    # 0 1 2 3 4 5 6 7 8 9 10
    # [-------)
    #       [-------)
    #             [-------)
    windows = put_together([pane(number) for number in range(11)])
    assert spans(windows) == [(0, 5), (3, 8), (6, 11)]
    assert [window.panes for window in windows] == [(0, 5), (3, 8), (6, 11)]
    assert [window.number for window in windows] == [0, 1, 2]


def test_a_window_comes_with_the_pane_that_completes_it() -> None:
    windows = Windows(WindowSettings())
    assert [len(windows.push(pane(number))) for number in range(9)] == [0, 0, 0, 0, 1, 0, 0, 1, 0]


def test_what_is_left_over_forms_one_short_window() -> None:
    # 0 1 2 3 4 5 6]
    # [-------)
    #       [-----) short
    *full, short = put_together([pane(number, last=number == 6) for number in range(7)])
    assert spans(full) == [(0, 5)]
    assert (short.start_seconds, short.end_seconds, short.is_short) == (3, 7, True)


def test_nothing_left_over_forms_none() -> None:
    assert spans(put_together([pane(number, last=number == 4) for number in range(5)])) == [(0, 5)]


def test_a_part_of_a_pane_completes_no_window() -> None:
    windows = put_together([pane(0), pane(1), pane(2), pane(3), pane(4, seconds=0.4, last=True)])
    assert spans(windows) == [(0, pytest.approx(4.4))]
    assert windows[0].is_short


def test_an_epoch_shorter_than_a_window_is_one_short_window() -> None:
    assert spans(put_together([pane(0), pane(1, last=True)])) == [(0, 2)]


def test_no_window_crosses_an_epoch() -> None:
    panes = [pane(number, last=number == 6) for number in range(7)] + [pane(number, epoch=1) for number in range(5)]
    windows = put_together(panes)
    assert [(window.epoch, *span) for window, span in zip(windows, spans(windows), strict=True)] == [
        (0, 0, 5),
        (0, 3, 7),
        (1, 100, 105),
    ]


def test_an_epoch_that_broke_off_without_a_last_pane_is_closed_by_the_next() -> None:
    assert spans(put_together([pane(0), pane(1), pane(0, epoch=1)])) == [(0, 2)]


def test_a_dropped_pane_leaves_fewer_samples() -> None:
    panes = [pane(number, value=number) for number in (0, 1, 3, 4)]
    (window,) = put_together(panes)
    assert window.values["motion"] == (0 + 1 + 3 + 4) / 4
    assert spans([window]) == [(0, 5)]


def test_a_dropped_last_pane_is_noticed_with_the_next() -> None:
    windows = Windows(WindowSettings())
    for number in range(4):
        assert not windows.push(pane(number))
    assert spans(list(windows.push(pane(5)))) == [(0, 5)]


def test_a_hole_longer_than_a_window_leaves_windows_out() -> None:
    numbers = [*range(5), *range(1_000_000, 1_000_008)]
    windows = put_together([pane(number) for number in numbers])
    assert spans(windows)[0] == (0, 5)
    assert all(window.values for window in windows)
    assert len(windows) == 5


def test_means_are_weighted_by_count() -> None:
    panes = [pane(0, value=1.0, count=1), *(pane(number, value=0.0, count=5) for number in range(1, 5))]
    (window,) = put_together(panes)
    assert window.values["motion"] == 1 / 21


def test_a_signal_without_samples_is_absent() -> None:
    (window,) = put_together([PaneScore(0, number, float(number), 1.0, {"loudness": Sum(0.0, 0)}) for number in range(5)])
    assert window.values == {}


def test_a_window_has_arrived_with_its_last_pane() -> None:
    (window,) = put_together([pane(number) for number in range(5)])
    assert window.arrived_at == 4.0


def test_decimals_share_exact_panes() -> None:
    assert Windows(WindowSettings(length_seconds=0.6, hop_seconds=0.4)).pane_seconds == 0.2
    assert Windows(WindowSettings(length_seconds=2.5, hop_seconds=1.0)).pane_seconds == 0.5


def test_lengths_without_a_common_pane_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"length_seconds 5 .*hop_seconds 3\.07 .*0\.1 s"):
        Windows(WindowSettings(length_seconds=5, hop_seconds=3.07))


@given(
    length=st.integers(1, 12),
    hop_share=st.floats(0.01, 1),
    values=st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 5)), min_size=1, max_size=60),
)
def test_every_window_is_the_mean_of_its_own_samples(length: int, hop_share: float, values: list[tuple[int, int]]) -> None:
    hop = max(math.ceil(length * hop_share), 1)
    step = Fraction(math.gcd(length, hop))
    windows = Windows(WindowSettings(length_seconds=length, hop_seconds=hop))
    assert windows.pane_seconds == step
    panes = [
        PaneScore(0, n, float(n * step), float(step), {"motion": Sum(float(value * count), count)}, is_last=n == len(values) - 1)
        for n, (value, count) in enumerate(values)
    ]
    made = [window for each in panes for window in windows.push(each)]
    covered = set()
    for window in made:
        inside = range(*window.panes)
        covered |= set(inside)
        samples = [value for n in inside for value in [values[n][0]] * values[n][1]]
        assert window.values == ({"motion": pytest.approx(sum(samples) / len(samples))} if samples else {})
        assert window.is_short or len(inside) * step == length
    assert covered == set(range(len(values)))
    assert [window.start_seconds for window in made] == [n * hop for n in range(len(made))]


# ---- a signal that another kind measures from some pane on -----------------------------------------------------------


def fallen(number: int, value: float, *, epoch: int = 0, last: bool = False, kind: str = "light") -> PaneScore:
    made = pane(number, epoch=epoch, last=last, value=value)
    return PaneScore(made.epoch, number, made.start_seconds, 1.0, made.signals, is_last=last, fallen={"motion": kind})


def restarts(windows: list[Window]) -> list[set[str]]:
    return [set(window.restarts) for window in windows]


def test_a_window_has_nothing_of_the_kind_before() -> None:
    # 1 1 1 1 5 5 5 5 5 5 5     falls with pane 4
    # [-------)                 5, restarts
    #       [-------)           5
    panes = [pane(number, value=1) for number in range(4)]
    panes += [fallen(4, 5), *(pane(number, value=5) for number in range(5, 11))]
    windows = put_together(panes)
    assert [window.values["motion"] for window in windows] == [5, 5, 5]
    assert restarts(windows) == [{"motion"}, set(), set()]


def test_other_signals_keep_all_their_panes() -> None:
    panes = [PaneScore(0, n, float(n), 1.0, {"motion": Sum(n, 1), "loudness": Sum(n, 1)}) for n in range(4)]
    panes.append(PaneScore(0, 4, 4.0, 1.0, {"motion": Sum(4, 1), "loudness": Sum(4, 1)}, fallen={"motion": "light"}))
    (window,) = put_together(panes)
    assert window.values == {"motion": 4, "loudness": 2}


def test_a_window_that_a_dropped_pane_delayed_is_still_all_of_the_kind_before() -> None:
    # 1 1 1 1 . 5 5 5           pane 4 was dropped, pane 5 falls
    # [-------)                 1
    #       [-------)           5, restarts
    panes = [*(pane(number, value=1) for number in range(4)), fallen(5, 5), pane(6, value=5), pane(7, value=5)]
    windows = put_together(panes)
    assert [window.values["motion"] for window in windows] == [1, 5]
    assert restarts(windows) == [set(), {"motion"}]


def test_the_window_restarts_even_without_a_value() -> None:
    panes = [*(pane(number, value=1) for number in range(4)), PaneScore(0, 4, 4.0, 1.0, {}, fallen={"motion": "light"})]
    (window,) = put_together(panes)
    assert (window.values, window.restarts) == ({}, {"motion"})


def test_a_fall_at_the_very_end_restarts_with_the_short_window() -> None:
    # 1 1 1 1 1 1 5]
    # [-------)
    #       [-----) short: 5, restarts
    windows = put_together([*(pane(number, value=1) for number in range(6)), fallen(6, 5, last=True)])
    assert [window.values["motion"] for window in windows] == [1, 5]
    assert restarts(windows) == [set(), {"motion"}]


def test_a_fall_with_the_first_pane_after_a_break_leaves_the_epoch_before_as_it_was() -> None:
    # 1 1 | 5 5
    windows = put_together([pane(0, value=1), pane(1, value=1), fallen(0, 5, epoch=1), pane(1, epoch=1, value=5, last=True)])
    assert [window.values["motion"] for window in windows] == [1, 5]
    assert restarts(windows) == [set(), {"motion"}]


@given(
    length=st.integers(1, 9),
    hop_share=st.floats(0.01, 1),
    line=st.lists(st.tuples(st.sampled_from(["scored", "dropped", "falls"]), st.booleans()), min_size=1, max_size=60),
)
def test_no_window_mixes_kinds_and_each_fall_restarts_exactly_once(
    length: int, hop_share: float, line: list[tuple[str, bool]]
) -> None:
    #  kind   0 0 0 │ 1 1 . 1 │ 2 …      each pane's value is the number of the kind that measured it
    hop = max(math.ceil(length * hop_share), 1)
    step = float(math.gcd(length, hop))
    windows, made = Windows(WindowSettings(length_seconds=length, hop_seconds=hop)), list[Window]()
    kind, epoch, number, falls = 0, 0, 0, dict[tuple[int, int], int]()
    for what, is_last in line:
        if what == "falls":
            kind += 1
            falls[epoch, number] = kind
        if what != "dropped":
            names = {"motion": str(kind)} if what == "falls" else {}
            start, sums = 1000.0 * epoch + number * step, {"motion": Sum(2.0 * kind, 2)}
            made += windows.push(PaneScore(epoch, number, start, step, sums, is_last=is_last, fallen=names))
        epoch, number = (epoch + 1, 0) if is_last else (epoch, number + 1)
    made += windows.end_epoch()

    measured = 0
    for window in made:
        inside = [fall for (of, at), fall in falls.items() if of == window.epoch and at < window.panes[1]]
        before = [fall for (of, _), fall in falls.items() if of < window.epoch]
        newest = max([*inside, *before], default=0)
        assert window.values == {"motion": newest}
        assert window.restarts == ({"motion"} if newest > measured else set())
        measured = newest
    assert measured == kind


def test_the_share_of_a_waiting_screen_stands_beside_the_values() -> None:
    # 0 1 2 3 4 5 6 7
    # [---------)         of five samples a pane: none, none, all, all, two
    #       [---------)   in panes from before there was such a thing: none
    shares = [0, 0, 5, 5, 2, None, None, None]
    made = [pane(number) for number in range(8)]
    panes = [
        each if share is None else replace(each, signals={**each.signals, "nuisance": Sum(share, 5)})
        for each, share in zip(made, shares, strict=True)
    ]
    first, second = put_together(panes)
    assert first.nuisance == pytest.approx(12 / 25)
    assert second.nuisance == pytest.approx(7 / 10)
    assert "nuisance" not in {*first.values, *second.values}
    assert [window.nuisance for window in put_together(made)] == [0.0, 0.0]
