"""Movement measured at one size and held against another."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.agreement import Track
from benchmarks.movement import COMMON, REFERENCE, Candidate, farneback, kept, milliseconds, scaled, tracks
from scorers.flow import PARAMETERS
from scorers.motion import mean_flow


def scene(shift: int) -> np.ndarray:
    """Luma uint8 (90, 160): smooth texture, moved across by so many pixels."""
    y, x = np.mgrid[0:90, 0:160].astype(np.float64)
    x = x - shift
    return (128 + 60 * np.sin(x / 5) * np.cos(y / 7) + 50 * np.sin((x + y) / 11)).astype(np.uint8)


def test_the_reference_measures_a_shift() -> None:
    assert farneback(COMMON)(scene(0), scene(3)) == pytest.approx(3, rel=0.2)


def test_what_is_measured_is_what_the_program_measures() -> None:
    assert farneback(PARAMETERS)(scene(0), scene(2)) == mean_flow(scene(0), scene(2))


def test_a_picture_is_never_enlarged() -> None:
    assert scaled(scene(0), 480).shape == (90, 160)
    assert scaled(scene(0), 30).shape == (30, 54)


def test_a_track_is_in_frame_heights_whatever_the_size(media: Callable[[str], Path]) -> None:
    path = media("media3_rooftop_17s.mp4")
    big, small = tracks(path, 2, [REFERENCE, Candidate("small", 180, farneback())])
    assert big.seconds.tolist() == small.seconds.tolist()
    assert len(big.values) == 9
    assert small.values.mean() == pytest.approx(big.values.mean(), rel=0.5)


def test_a_reference_keeps_itself() -> None:
    rng = np.random.default_rng(2)
    track = Track(np.arange(0, 60, 0.2), rng.random(300))
    found = kept([track, track], [track, track])
    assert found.pair == found.pane == found.window == (1, 1, 1)


def test_timing_gives_a_number_per_round() -> None:
    some = [Candidate("a", 45, farneback()), Candidate("b", 90, farneback())]
    found = milliseconds(some, [(scene(0), scene(1))], 2)
    assert {name: len(each) for name, each in found.items()} == {"a": 2, "b": 2}
