import math

import numpy as np
import pytest

from stream_processor.deciding.threshold import Threshold
from stream_processor.records import Window
from stream_processor.settings import PeaksSettings


def taught(scores: list[float], **settings: float) -> Threshold:
    threshold = Threshold(PeaksSettings(**settings))
    for number, score in enumerate(scores):
        threshold.add(Window(0, number, 3.0 * number, 3.0 * number + 5, {}, (3 * number, 3 * number + 5)), score)
    return threshold


def test_without_history_nothing_compares() -> None:
    assert math.isnan(Threshold(PeaksSettings()).levels(0).enter)


def test_a_flat_history_asks_for_the_minimum_rise() -> None:
    levels = taught([0.1] * 50, min_rise=0.5, leave_ratio=0.5).levels(150)
    assert (levels.enter, levels.leave) == (pytest.approx(0.6), pytest.approx(0.35))


def test_a_lively_history_asks_for_its_percentile() -> None:
    assert taught([0.0] * 60 + [0.9] * 40, min_rise=0.5, percentile=80).levels(300).enter == pytest.approx(0.9)


def test_each_highlight_of_the_last_hour_raises_the_bar_up_to_outstanding() -> None:
    threshold = taught([0.0] * 50, min_rise=0.5, ordinary_per_hour=4, outstanding=0.9)
    bars = []
    for opened in range(6):
        bars.append(threshold.levels(200 + opened).enter)
        threshold.opened(200.0 + opened)
    assert bars[0] == 0.5
    assert bars == sorted(bars)
    assert bars[2] < 0.6
    assert bars[4] == bars[5] == pytest.approx(0.9)


def test_after_an_hour_the_bar_is_down_again() -> None:
    threshold = taught([0.0] * 50, min_rise=0.5, ordinary_per_hour=4)
    for second in range(4):
        threshold.opened(200.0 + second)
    assert threshold.levels(3799).enter > 0.9
    assert threshold.levels(3804).enter == 0.5


def test_raising_the_bar_ends_no_highlight_sooner() -> None:
    threshold = taught([0.0] * 50, min_rise=0.5, ordinary_per_hour=1)
    before = threshold.levels(200)
    threshold.opened(200)
    assert threshold.levels(201).leave == before.leave


@pytest.mark.parametrize("target", [4, 12, 40])
def test_a_target_is_met_about(target: int) -> None:
    noise = np.random.default_rng(5).normal(0, 1, 1200)
    scores = np.convolve(noise, [0.25, 0.5, 0.25], "same").tolist()
    threshold = taught(scores, clips_per_hour=target, min_rise=0.0)
    above = np.array(scores) >= threshold.levels(3600).enter
    openings = int(np.sum(above[1:] & ~above[:-1]))
    assert target * 0.7 <= openings <= target * 1.5


def test_a_target_makes_nothing_of_a_flat_stream() -> None:
    assert taught([0.1] * 1200, clips_per_hour=30, min_rise=0.3).levels(3600).enter == pytest.approx(0.4)
