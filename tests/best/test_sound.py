"""Fades, and where decoded sound is laid."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.best.sound import faded


@given(st.integers(0, 400), st.integers(0, 500))
def test_a_fade_begins_and_ends_in_silence_and_leaves_the_middle(samples: int, length: int) -> None:
    sound = np.ones((2, samples), np.float32)
    result = faded(sound, length)
    assert result.shape == sound.shape
    assert (result <= sound).all()
    assert np.allclose(result, result[:, ::-1])
    half = min(length, samples // 2)
    assert (result[:, half : samples - half] == 1).all()
    if half > 1:
        assert result[0, 0] < 0.5
        assert (np.diff(result[0, :half]) > 0).all()


def test_the_samples_given_stay_as_they_are() -> None:
    sound = np.ones((1, 10), np.float32)
    faded(sound, 5)
    assert (sound == 1).all()
