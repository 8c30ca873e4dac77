"""From curves to clips: which moments are chosen, and what is said of the others."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from stream_processor.best.choosing import Weighing, planned, score, select
from stream_processor.best.records import Selection, Stretch
from stream_processor.best.settings import BestSettings
from stream_processor.best.tape import Tape
from tests.best.tapes import tape

WEIGHTS = {"sharpness": 1.0}
LIGHT = Weighing(WEIGHTS, "light")


def bumps(*centres: float, seconds: float = 60.0, height: Sequence[float] = ()) -> list[float]:
    """Values at five frames a second: a hill of three seconds around each time, the first ones higher."""
    times = np.arange(int(seconds * 5)) / 5
    heights = height or [1 - 0.1 * place for place in range(len(centres))]
    hills = [tall * np.maximum(0, 1 - np.abs(times - centre) / 3) for tall, centre in zip(heights, centres, strict=True)]
    return np.exp(np.max(hills, axis=0) * 5).tolist()  # sharpness counts by its logarithm


def choose(
    tapes: Sequence[Tape], *, weights: Mapping[str, float] = WEIGHTS, kind: str = "light", **settings: object
) -> Selection:
    best = BestSettings(**settings)  # type: ignore[arg-type]
    weighing = Weighing(weights, kind)
    tables, notes = score(tapes, weighing, best)
    return select(tables, weighing, best, {}, notes)


def peaks(selection: Selection) -> list[float]:
    return [round(one.moment.peak_seconds) for one in selection.chosen]


def test_the_best_k_are_chosen_best_first() -> None:
    """
    ::

        score    ▁▂▃▂▁    ▁▅█▅▁     ▁▄▆▄▁
        seconds    10       30        50
    """
    found = choose([tape({"sharpness": bumps(30, 50, 10)})], k=2)
    assert peaks(found) == [30, 50]
    assert [one.rank for one in found.chosen] == [1, 2]
    assert [one.reason for one in found.rejected] == ["2 better ones were enough: raise -k"]
    assert [(one.start_seconds, one.end_seconds) for one in found.chosen] == [(29.0, 32.0), (49.0, 52.0)]
    assert found.chosen[0].moment.frame == 30 * 5 * 6
    assert found.similarity.shape == (3, 3)
    assert found.notes == []


def test_moments_are_chosen_across_all_videos() -> None:
    found = choose([tape({"sharpness": bumps(20)}), tape({"sharpness": bumps(40, height=[1.2])}, name="b.mp4")], k=2)
    assert [(one.moment.video, round(one.moment.peak_seconds)) for one in found.chosen] == [(1, 40), (0, 20)]


def test_what_is_near_a_better_one_is_said() -> None:
    found = choose([tape({"sharpness": bumps(20, 24, seconds=40)})], k=5, smooth_seconds=0.5)
    assert peaks(found) == [20]
    assert "nearer than 5 s to a better one: lower best.min_separation_seconds" in [one.reason for one in found.rejected]
    assert "lower best.min_separation_seconds" in found.notes[-1]


def test_moments_that_look_alike_are_taken_once_and_it_is_said_what_to_lower() -> None:
    same = np.tile(np.float32([0.6, 0.8]), (300, 1))
    found = choose([tape({"sharpness": bumps(10, 30, 50)}, looks=same)], k=3)
    assert peaks(found) == [10]
    assert found.rejected[0].reason == "too like clip 1 (distance 0.00 < 0.05): lower best.light_min_distance"
    assert found.notes == ["1 moment instead of 3: for more, lower best.light_min_distance (2 look like a better one)"]
    with_clip = choose([tape({"sharpness": bumps(10, 30)}, looks=same)], k=3, kind="clip ViT-B-32")
    assert with_clip.rejected[0].reason == "too like clip 1 (distance 0.00 < 0.12): lower best.min_distance"


def test_low_moments_are_left_and_it_is_said_what_to_lower() -> None:
    found = choose([tape({"sharpness": bumps(10, 40)})], k=2, min_score=0.99)
    assert found.chosen == []
    assert found.rejected[0].reason.startswith("below 0.99 (0.88)")
    assert found.notes == ["no moments instead of 2: for more, lower best.min_score (2 score too low)"]


def test_scores_that_are_low_are_said() -> None:
    tapes = [tape({"sharpness": bumps(10), "motion": bumps(40), "loudness": bumps(50), "faces": bumps(55)})]
    found = choose(tapes, weights=dict.fromkeys(["sharpness", "motion", "loudness", "faces"], 0.25), k=1)
    assert found.notes[-1].startswith("low scores: the best has 0.")


def test_a_signal_that_measured_nothing_is_left_out_and_said() -> None:
    found = choose([tape({"sharpness": bumps(20)})], weights={"sharpness": 0.3, "loudness": 0.7}, k=1)
    assert list(found.tables[0].components) == ["sharpness"]
    assert found.tables[0].scores.max() == 1.0
    assert found.notes == ["loudness does not count: nothing of it could be measured"]


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_video_that_shows_the_same_throughout_has_no_moment_and_it_is_said(noise: float) -> None:
    """Black, or one picture: what little an encoder makes of it is no peak."""
    curve = (5.0 + noise * np.sin(np.arange(100))).tolist()
    found = choose([tape({"sharpness": curve, "exposure": [1.0] * 100})], weights={"sharpness": 0.3, "exposure": 0.2}, k=1)
    assert (found.chosen, found.rejected) == ([], [])
    assert found.notes[0].startswith("no moments: nothing that counts changes from beginning to end (black, or a still picture?)")
    assert len(found.notes) == 1


def test_a_part_that_is_shorter_than_a_clip_gives_none() -> None:
    parts = [Stretch(0.0, 50.0, 0.0), Stretch(50.0, 52.0, 900.0), Stretch(52.0, 60.0, 0.0)]
    found = choose([tape({"sharpness": bumps(51, 20)}, stretches=parts)], k=1, smooth_seconds=0)
    assert peaks(found) == [20]
    assert found.rejected[0].reason == "in a part of 2.0 s, shorter than a clip: lower best.min_seconds"


@pytest.mark.parametrize(
    ("peak", "expected"),
    [(10.0, (9.0, 12.0)), (0.2, (0.0, 3.0)), (19.9, (17.0, 20.0)), (0.0, (0.0, 3.0)), (20.0, (17.0, 20.0))],
)
def test_a_clip_at_the_video_s_end_keeps_its_length(peak: float, expected: tuple[float, float]) -> None:
    """
    ::

        video  0 ├──────────────────────┤ 20
        clip         [t − 1 s, t + 2 s]
    """
    assert planned(peak, (0.0, 20.0), BestSettings()) == pytest.approx(expected)


def test_hours_of_peaks_are_told_in_part() -> None:
    looks = np.random.default_rng(1).standard_normal((18_000, 64)).astype(np.float32)
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    curve = bumps(*range(2, 3600, 4), seconds=3600, height=[1.0] * 900)
    found = choose([tape({"sharpness": curve}, looks=looks)], k=3, smooth_seconds=0.5)
    assert len(found.chosen) == 3
    assert len(found.rejected) == 100
