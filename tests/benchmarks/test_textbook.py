"""The loop people write first, and the engine beside it, on a film made of moving texture."""

import numpy as np
import pytest
from av.video.frame import VideoFrame

from benchmarks.footage import Footage
from benchmarks.textbook import FPS, agreement, engine, light_one, starts, textbook
from scorers.loudness import Rms
from scorers.motion import OpticalFlow
from scorers.novelty_light import LightNovelty

RATE = 8000
SECONDS = 14


@pytest.fixture(scope="module")
def film() -> Footage:
    """14 s at 320×180: texture that moves faster and faster, and a tone that grows louder."""
    count = int(SECONDS * FPS)
    times = np.arange(count) / FPS
    y, x = np.mgrid[0:180, 0:320].astype(np.float64)
    frames = []
    for seconds in times:
        planes = np.full((270, 320), 128, np.uint8)
        moved = x - 1.5 * seconds * seconds
        planes[:180] = 120 + 60 * np.sin(moved / 9) * np.cos(y / 7) + 50 * np.sin((moved + y) / 13)
        frames.append(VideoFrame.from_ndarray(planes, format="yuv420p"))
    at = np.arange(SECONDS * RATE) / RATE
    sound = (0.05 * at * np.sin(2 * np.pi * 440 * at)).astype(np.float32)
    return Footage(times, frames, [], sound, RATE, analysis_height=180)


def test_windows_are_whole_and_begin_every_three_seconds() -> None:
    assert starts(4.9) == []
    assert starts(5) == [0]
    assert starts(11) == [0, 3, 6]
    assert starts(13.9) == [0, 3, 6]


def test_a_film_is_cut_into_panes_of_a_second(film: Footage) -> None:
    panes = list(film.panes(pictures=False))
    assert [pane.number for pane in panes] == list(range(SECONDS))
    assert all(pane.frames is not None and len(pane.frames.times) == FPS for pane in panes)
    assert panes[-1].is_last
    sound = np.concatenate([pane.sound.samples for pane in panes if pane.sound is not None])
    np.testing.assert_array_equal(sound, film.sound)


def test_both_see_the_same_windows_and_agree(film: Footage) -> None:
    pytest.importorskip("librosa")
    scorers = {"motion": OpticalFlow(), "novelty": LightNovelty(), "loudness": Rms()}
    theirs = textbook(film, light_one)()
    ours = engine(film, scorers, pictures=False)()
    assert list(theirs.windows) == list(ours.windows) == [0, 3, 6, 9]
    for signal, windows, linear, rank in agreement(theirs.windows, ours.windows):
        assert windows == 4, signal
        assert linear > 0.95, signal
        assert rank == pytest.approx(1), signal


def test_a_signal_that_one_side_has_not_is_left_out() -> None:
    theirs = {start: {"motion": start, "novelty": 1.0} for start in starts(20)}
    ours = {start: {"motion": 2 * start} for start in starts(20)}
    assert [(name, linear) for name, _, linear, _ in agreement(theirs, ours)] == [("motion", pytest.approx(1))]
