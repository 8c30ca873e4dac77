"""Scores of panes become one video's numbers; looks lie in a file."""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.best.numbering import FrameNumbers
from stream_processor.best.records import Stretch
from stream_processor.best.tape import TapeWriter, at_most, mapped
from stream_processor.records import Epoch, Media, Packet, PaneScore, Samples, VideoFormat
from tests.best.tapes import video

MEDIA = Media("mp4", VideoFormat("h264", 640, 360, 10.0), None)


def epoch(number: int, start_seconds: float, source_seconds: float) -> Epoch:
    return Epoch(number, start_seconds, datetime(2026, 1, 1, tzinfo=UTC), source_seconds, MEDIA)


def score(epoch: int, number: int, start_seconds: float, times: list[float], **signals: list[float]) -> PaneScore:
    at = np.array(times)
    traces = {"look": Samples(at, np.zeros(len(at)), np.tile(np.float32([0.6, 0.8]), (len(at), 1)))}
    traces |= {name: Samples(at, np.array(values)) for name, values in signals.items()}
    return PaneScore(epoch, number, start_seconds, 1.0, {}, traces=traces)


def frames(numbers: FrameNumbers, epoch: int, count: int) -> None:
    for pts in range(count):
        numbers.append(Packet("video", b"", pts, pts, 1, Fraction(1, 10), pts == 0, epoch, 0.0), 0.0)


def test_a_tape_counts_seconds_and_frames_from_the_video_s_first(tmp_path: Path) -> None:
    """
    ::

        file    100.0 … 102.0 │ 500.0 … 501.0      the file's own timestamps
        epochs    0             1
        video     0   …   2.0 │   2.0 …   3.0
    """
    numbers = FrameNumbers()
    with TapeWriter(tmp_path / "looks", numbers) as writer:
        writer.begin(epoch(0, 0.0, 100.0))
        frames(numbers, 0, 20)
        writer.add(score(0, 0, 0.0, [0.0, 0.5], sharpness=[1, 2]))
        writer.add(score(0, 1, 1.0, [1.0, 1.5], sharpness=[3, 4]))
        writer.begin(epoch(1, 2.0, 500.0))
        frames(numbers, 1, 10)
        writer.add(score(1, 0, 2.0, [0.0, 0.7], sharpness=[5, 6]))
        stretches = writer.stretches()
        tape = writer.finish(video(stretches=stretches))
    assert tape.times.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0, 2.7]
    assert tape.frames.tolist() == [0, 5, 10, 15, 20, 27]
    assert tape.signals["sharpness"].values.tolist() == [1, 2, 3, 4, 5, 6]
    assert tape.looks.shape == (6, 2)
    assert stretches == (Stretch(0.0, 2.0, 100.0), Stretch(2.0, 3.0, 500.0))
    assert tape.video.file_span(2.5, 3.0) == (500.5, 501.0)
    assert tape.video.file_span(0.5, 2.0) == (100.5, 102.0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
@pytest.mark.parametrize("panes", [1, 3000])
def test_a_full_disk_is_an_error_once_however_many_looks_there_are(tmp_path: Path, panes: int) -> None:
    """What is buffered fails when it is written, and would again when the file is closed."""
    (tmp_path / "looks").symlink_to("/dev/full")
    numbers, failures = FrameNumbers(), []
    with TapeWriter(tmp_path / "looks", numbers) as writer:
        writer.begin(epoch(0, 0.0, 0.0))
        frames(numbers, 0, 1)
        try:
            for number in range(panes):
                writer.add(score(0, number, 0.0, [0.0]))
            writer.finish(video())
        except OSError as error:
            failures.append(error.strerror)
    assert failures == ["No space left on device"]


def test_looks_that_are_not_all_there_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "looks"
    file.write_bytes(bytes(4 * 6 - 1))
    with pytest.raises(ValueError, match="23 bytes instead of 24"):
        mapped(file, 3, 2)


def test_the_loudness_of_every_hundredth_of_a_second_becomes_that_of_every_tenth() -> None:
    times = np.arange(100) / 100
    found = at_most(Samples(times, times), 10)
    assert len(found.times) == 10
    assert found.values.tolist() == pytest.approx([tenth / 10 + 0.045 for tenth in range(10)])


@given(st.lists(st.floats(0, 100), max_size=200, unique=True).map(sorted))
def test_fewer_samples_keep_their_mean_and_their_order(times: list[float]) -> None:
    samples = Samples(np.array(times), np.array(times))
    found = at_most(samples, 10)
    assert (np.diff(found.times) > 0).all()
    assert len(found.times) <= len(times)
    if times:
        assert times[0] <= found.values.min() <= found.values.max() <= times[-1]
