"""Fades, and where decoded sound is laid."""

from types import SimpleNamespace

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.best.sound import SoundExcerpt, faded


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


@pytest.mark.parametrize(
    ("source", "clip"),
    [("mono", "mono"), ("stereo", "stereo"), ("5.1", "5.1"), ("5.1(side)", "5.1"), ("7.1", "7.1"), ("hexagonal", "stereo")],
)
def test_what_aac_knows_keeps_its_channels(source: str, clip: str) -> None:
    decoder = SimpleNamespace(sample_rate=48000, layout=av.AudioLayout(source))
    assert SoundExcerpt(decoder, start_seconds=0.0, end_seconds=1.0, shift_seconds=0.0).layout == clip


def test_the_samples_given_stay_as_they_are() -> None:
    sound = np.ones((1, 10), np.float32)
    faded(sound, 5)
    assert (sound == 1).all()
