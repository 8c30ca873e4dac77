"""Which of an hour's highlights are kept, on time lines of highlights: (seconds, score)."""

import random
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st
from pydantic import ValidationError

from stream_processor.finishing.draft import Draft
from stream_processor.finishing.ranking import HOUR_SECONDS, Ranking
from stream_processor.finishing.settings import RankingSettings
from stream_processor.records import Highlight, Samples
from tests.finishing.recorded import Recorded

Line = Iterable[tuple[float, float]]


def draft(at_seconds: float, score: float, length_seconds: float = 10.0) -> Draft:
    end = at_seconds + length_seconds
    return Draft(Highlight(f"{at_seconds:g}", 0, at_seconds, end, at_seconds + 1, score, 0.5, {}, {}), at_seconds - 2, end + 2)


def ranking(**settings: Any) -> Ranking:
    return Ranking(RankingSettings(**settings))


def kept(line: Line, **settings: Any) -> list[float]:
    """When what was kept began."""
    step = ranking(**settings)
    return [at for at, score in line if step.finish(draft(at, score), Recorded()).keep]


def test_by_default_everything_is_kept() -> None:
    assert len(kept((60.0 * n, n % 7) for n in range(200))) == 200


def test_of_a_rising_hour_the_first_are_kept_and_then_the_hour_is_full() -> None:
    step = ranking(top_per_hour=2)
    drafts = [step.finish(draft(600.0 * n, score=0.1 * n), Recorded()) for n in range(1, 5)]
    assert [each.keep for each in drafts] == [True, True, False, False]
    assert drafts[2].notes[0].reason == "the last hour has its 2 files already (ranking.top_per_hour)"


def test_what_others_of_the_hour_rank_above_is_not_kept_and_says_so() -> None:
    step = ranking(top_per_hour=2)
    drafts = [step.finish(draft(600.0 * n, score), Recorded()) for n, score in enumerate((0.9, 0.5, 0.4))]
    assert [each.keep for each in drafts] == [True, True, False]
    assert drafts[2].notes[0].reason == "ranked 3rd of the last hour, 2 are kept (ranking.top_per_hour)"


def test_an_hour_later_there_is_room_again() -> None:
    assert kept([(0, 0.9), (100, 0.1), (3599, 0.8), (3600, 0.9)], top_per_hour=1) == [0, 3600]


def test_longer_is_better_where_scores_are_equal() -> None:
    step = ranking(top_per_hour=2)
    for at, length in ((0, 10), (100, 12)):
        assert step.finish(draft(at, 0.5, length), Recorded()).keep
    assert "ranked 3rd" in step.finish(draft(200, 0.5, 5), Recorded()).notes[0].reason


def test_what_looks_like_the_others_ranks_below_what_does_not() -> None:
    def seen(at_seconds: float, axis: int) -> Recorded:
        vectors = np.zeros((20, 4), np.float32)
        vectors[:, axis] = 1
        return Recorded({"novelty": Samples(at_seconds + np.arange(20) / 5, np.zeros(20), vectors)})

    def place_of_the_third(axis: int) -> str:
        step = ranking(top_per_hour=1, score_weight=0, length_weight=0, variety_weight=1)
        step.finish(draft(0, 0.5), seen(0, 0))
        step.finish(draft(100, 0.5), seen(100, 0))
        return step.finish(draft(200, 0.5), seen(200, axis)).notes[0].reason

    assert "ranked 3rd" in place_of_the_third(axis=0)
    assert "ranked 2nd" in place_of_the_third(axis=1), "as different as the first was, which came before it"


def test_what_another_step_dropped_takes_no_place() -> None:
    step = ranking(top_per_hour=1)
    dropped = draft(0, 0.9).dropped("diversity", "a repeat")
    assert step.finish(dropped, Recorded()) is dropped
    assert step.finish(draft(100, 0.1), Recorded()).keep


@tried(max_examples=60, deadline=None)
@given(
    gaps=st.lists(st.floats(1, 2000), min_size=1, max_size=120),
    seed=st.integers(0, 1000),
    top=st.integers(1, 8),
    about=st.sampled_from([0.0, 3.0, 20.0]),
)
def test_no_hour_wherever_it_begins_has_more_than_the_top(gaps: list[float], seed: int, top: int, about: float) -> None:
    chance = random.Random(seed)
    times = np.cumsum(gaps).tolist()
    found = np.array(kept([(at, chance.random()) for at in times], top_per_hour=top, about_per_hour=about))
    for begin in found:
        assert np.count_nonzero((found >= begin) & (found < begin + HOUR_SECONDS)) <= top


RATES: dict[str, Callable[[float], float]] = {
    "steady": lambda _hour: 20,
    "many": lambda _hour: 60,
    "waves": lambda hour: 35 + 25 * np.sin(hour),
    "matches-and-breaks": lambda hour: 12 if int(hour / 2) % 2 else 60,
}


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("about", [3.0, 6.0])
def test_about_as_many_an_hour_are_kept_as_were_asked_for(rate: str, about: float) -> None:
    # 50 hours of highlights at random times, whose scores drift, as a stream's nights do
    chance, hour, drift = random.Random(5), 0.0, 0.0
    line = []
    while hour < 50:
        hour += chance.expovariate(120)
        if chance.random() < RATES[rate](hour) / 120:
            drift = 0.95 * drift + 0.2 * chance.gauss(0, 1)
            line.append((hour * HOUR_SECONDS, drift + chance.gauss(0, 1)))
    assert len(kept(line, about_per_hour=about)) / 50 == pytest.approx(about, rel=0.2)


def test_fewer_than_asked_for_are_all_kept() -> None:
    line = [(1200.0 * n, (n * 7 % 10) / 10) for n in range(60)]  # three an hour
    assert len(kept(line, about_per_hour=6)) >= 57


def test_the_first_of_a_stream_is_kept() -> None:
    assert kept([(5.0, 0.1)], about_per_hour=1) == [5.0]


def test_what_is_below_the_bar_says_so() -> None:
    step = ranking(about_per_hour=2)
    drafts = [step.finish(draft(60.0 * n, score=1 / n), Recorded()) for n in range(1, 30)]
    assert "of 29 in the last hour, about 2 an hour are kept (ranking.about_per_hour)" in drafts[-1].notes[0].reason


def test_what_it_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream_processor.finishing.ranking.MOST_REMEMBERED", 20)
    step = ranking(top_per_hour=5)
    for number in range(25):
        step.finish(draft(float(number), 0.5), Recorded())
    assert len(step._hour) == 20


def test_something_must_count() -> None:
    with pytest.raises(ValidationError, match=r"every weight of \[ranking\] is 0"):
        RankingSettings(score_weight=0, length_weight=0, variety_weight=0)
