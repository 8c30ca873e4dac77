"""Records are frozen, and refuse what they cannot be."""

import dataclasses
import math
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from stream_processor import records
from stream_processor.records import (
    AudioFormat,
    Epoch,
    Event,
    Frames,
    Highlight,
    Media,
    Packet,
    Pane,
    Pictures,
    Samples,
    Sound,
    Sum,
    VideoFormat,
    Window,
    frozen,
    replace,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MEDIA = Media("flv", VideoFormat("h264", 640, 360), None)
PACKET = Packet("video", b"data", 9000, 6000, 3000, Fraction(1, 90_000), is_key=True, epoch=0, arrived_at=1.0)
HIGHLIGHT = Highlight("x", 0, 10.0, 20.0, 12.5, 3.0, 1.0, {}, {})


def zeros(*shape: int, kind: Any = np.uint8) -> Any:
    return np.zeros(shape, kind)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: Media("flv", None, None), "without video and without audio"),
        (lambda: replace(PACKET, dts=9001), "dts 9001 after pts 9000"),
        (lambda: Epoch(-1, 0.0, NOON, 0.0, MEDIA), "epoch number -1"),
        (lambda: Epoch(0, -0.5, NOON, 0.0, MEDIA), "epoch start -0.5"),
        (lambda: Epoch(0, math.nan, NOON, 0.0, MEDIA), "epoch start nan"),
        (lambda: Epoch(0, 0.0, NOON.replace(tzinfo=None), 0.0, MEDIA), "time zone"),
        (lambda: Frames(zeros(2, 1), zeros(2, 6, 4)), r"times of shape \(2, 1\)"),
        (lambda: Frames(zeros(2), zeros(3, 6, 4)), r"planes of shape \(3, 6, 4\), expected \(2, height"),
        (lambda: Frames(zeros(2), zeros(2, 7, 4)), r"planes of shape \(2, 7, 4\)"),
        (lambda: Pictures(zeros(2), zeros(2, 6, 4)), r"pictures of shape \(2, 6, 4\)"),
        (lambda: Pictures(zeros(2), zeros(2, 6, 4, 4)), r"expected \(2, height, width, 3\)"),
        (lambda: Sound(0, 0, zeros(5)), "sample rate 0"),
        (lambda: Sound(0, 48_000, zeros(5, 2)), r"samples of shape \(5, 2\)"),
        (lambda: Pane(0, -1, 0.0, 1.0, None, None, None), "pane number -1"),
        (lambda: Pane(0, 0, 0.0, 0.0, None, None, None), "pane of 0.0 s"),
        (lambda: Samples(zeros(2), zeros(3)), r"times \(2,\) and values \(3,\)"),
        (lambda: Samples(zeros(1), np.array([math.nan])), "not finite"),
        (lambda: Samples(zeros(1), np.array([math.inf])), "not finite"),
        (lambda: Window(0, 0, 5.0, 5.0, {}, (0, 5)), r"from 5.0 to 5.0"),
        (lambda: replace(HIGHLIGHT, peak_seconds=21.0), "peak 21.0"),
        (lambda: Event("new", "x", {}), "new event with sequence 0"),
        (lambda: Event("state", "x", {}, sequence=3), "state event with sequence 3"),
    ],
)
def test_what_cannot_be_is_refused_with_what_was_got(make: Callable[[], object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        make()


def test_every_record_is_frozen() -> None:
    kinds = [kind for kind in vars(records).values() if dataclasses.is_dataclass(kind) and kind.__module__ == records.__name__]
    assert len(kinds) > 15
    for kind in kinds:
        assert kind.__dataclass_params__.frozen, kind  # type: ignore[union-attr]


def test_a_packet_tells_its_time_in_seconds_and_no_negative_duration_takes_any_away() -> None:
    assert (PACKET.seconds, PACKET.end_seconds) == (0.1, pytest.approx(0.1 + 1 / 30))
    assert replace(PACKET, duration=-9000).end_seconds == 0.1


def test_the_luma_of_frames_is_a_view_of_their_upper_two_thirds() -> None:
    frames = Frames(np.zeros(2), np.arange(2 * 6 * 8, dtype=np.uint8).reshape(2, 6, 8))
    assert frames.height == 4
    assert frames.luma.shape == (2, 4, 8)
    assert np.shares_memory(frames.luma, frames.planes)
    assert frames.luma[1, 0, 0] == 48


def test_a_mean_is_weighted_by_count_and_there_is_none_of_nothing() -> None:
    assert Sum(6.0, 4).mean == 1.5
    assert Sum(0.0, 0).mean is None


def test_no_samples_are_samples_too() -> None:
    assert Samples.none().values.shape == (0,)


def test_a_highlight_lasts_from_its_start_to_its_end() -> None:
    assert HIGHLIGHT.duration_seconds == 10.0


def test_alerts_are_the_events_that_carry_a_sequence_number() -> None:
    assert Event("end", "x", {}, sequence=7).is_alert
    assert not Event("window", "x", {}).is_alert


def test_a_frozen_mapping_is_a_copy_that_nobody_changes() -> None:
    given = {"motion": 1.0}
    kept = frozen(given)
    given["motion"] = 2.0
    assert kept == {"motion": 1.0}
    with pytest.raises(TypeError):
        kept["motion"] = 3.0  # type: ignore[index]


def test_sound_alone_is_media() -> None:
    assert Media("mp3", None, AudioFormat("mp3", 44_100, 2)).video is None
