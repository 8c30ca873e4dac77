"""Blocks of sound in, mono out."""

from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from stream_processor.decoding.mono import Mono


def block(samples: npt.NDArray[Any], layout: str, rate: int = 48_000, sample_format: str = "fltp") -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(samples, format=sample_format, layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    return frame


def test_one_channel_stays_as_it_is() -> None:
    samples = np.linspace(-1, 1, 1024, dtype=np.float32)[None]
    assert np.array_equal(Mono(48_000).samples(block(samples, "mono")), samples[0])


def test_whole_numbers_become_fractions_of_full_scale() -> None:
    samples = np.full((1, 256), 16_384, np.int16)
    assert Mono(48_000).samples(block(samples, "mono", sample_format="s16")) == pytest.approx(0.5)


def test_two_channels_are_added_and_opposite_ones_cancel() -> None:
    one = np.full(1024, 0.25, np.float32)
    assert np.abs(Mono(48_000).samples(block(np.stack([one, -one]), "stereo"))).max() < 1e-6
    assert Mono(48_000).samples(block(np.stack([one, one]), "stereo")).min() > 0.25 - 1e-6


def test_sound_whose_channels_change_goes_on() -> None:
    mono = Mono(48_000)
    first = mono.samples(block(np.zeros((2, 1024), np.float32), "stereo"))
    second = mono.samples(block(np.ones((1, 512), np.float32), "mono"))
    assert (len(first), len(second)) == (1024, 512)
    assert second == pytest.approx(1.0)
