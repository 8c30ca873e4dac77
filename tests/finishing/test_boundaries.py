"""Exact cuts of real recordings, right to the frame: what a clip shows first and last is what the source shows at those times.

::

    source   …  a−1   a   a+1  …  b−1   b  …
    clip              ├────────────┤              first picture: frame a; last picture: frame b − 1; the sound of [a, b)
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import numpy.typing as npt
import pytest

from stream_processor.clipping.cut import CutJob, FfmpegCutter
from stream_processor.clipping.spool import SpoolWriter
from stream_processor.finishing.placing import Placing
from stream_processor.finishing.placing_in_ring import first_frame_after_cut
from stream_processor.records import Clip, Packet
from tests.channel import Channel, read
from tests.decoded_frames import encoded, luma

RATE = 8000
"""Of the sound that is compared, in hertz."""

Image = npt.NDArray[np.uint8]
Wave = npt.NDArray[np.float32]


class Frame(NamedTuple):
    seconds: float
    image: Image


@dataclass(frozen=True)
class Shown:
    """What is seen and heard. ``wave`` float32 (n,), mono at ``RATE``, begins at time 0."""

    frames: Sequence[Frame]
    wave: Wave

    def place(self, seconds: float) -> int:
        """Of the first frame at or after this time."""
        return bisect_left([frame.seconds for frame in self.frames], seconds - 1e-6)


class Source(NamedTuple):
    channel: Channel
    shown: Shown


def seen(codec: Any, packets: Sequence[Packet]) -> list[Frame]:
    """The channel's packets in epoch time, each of them decoded."""
    pictures = [packet for packet in packets if packet.kind == "video"]
    return [
        Frame(float(frame.pts * pictures[0].time_base), luma(frame)[::2, ::2])
        for packet in [*pictures, None]
        for frame in codec.decode(encoded(packet))
    ]


def heard(codec: Any, packets: Sequence[Packet]) -> Wave:
    sounds = [packet for packet in packets if packet.kind == "audio"]
    mono = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
    frames = []
    for packet in sounds:
        for frame in codec.decode(encoded(packet)):
            frame.time_base = packet.time_base
            frames.append((float(frame.pts * packet.time_base), mono.resample(frame)))
    return _wave(frames)


def played(path: Path) -> Shown:
    """As a player shows the file."""
    frames, sounds = [], []
    mono = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
    with av.open(str(path)) as container:
        for frame in container.decode(video=0, audio=0):
            if isinstance(frame, av.VideoFrame):
                frames.append(Frame(frame.time, luma(frame)[::2, ::2]))
            else:
                sounds.append((frame.time, mono.resample(frame)))
    return Shown(sorted(frames), _wave(sounds))


def _wave(blocks: Sequence[tuple[float, Sequence[Any]]]) -> Wave:
    """Put together by the first block's time; what is before 0 is left out."""
    samples = np.concatenate([part.to_ndarray()[0] for _, parts in blocks for part in parts])
    first = round(blocks[0][0] * RATE)
    return samples[-first:] if first < 0 else np.concatenate([np.zeros(first, np.float32), samples])


def cut(channel: Channel, folder: Path, start: float, end: float) -> tuple[Clip, Path]:
    """By the program's own spool and cutter."""
    writer = SpoolWriter(folder / "spool", channel.codecs.template)
    for packet in channel.packets:
        writer.write(packet)
    writer.finish()
    job = CutJob(writer.path, writer.times, folder / "clip", start, end, start, channel.epoch.start_seconds, "exact")
    clip = FfmpegCutter().cut(job)
    return clip, folder / clip.filename


def unlike(one: Image, other: Image) -> float:
    """Mean difference, of 255."""
    return float(np.abs(one.astype(np.int16) - other).mean())


def assert_is_frame(image: Image, source: Shown, place: int) -> None:
    """It is this frame of the source, and neither the one before nor the one after, where those look otherwise."""
    wanted = unlike(image, source.frames[place].image)
    assert wanted < 1.5
    for other in (place - 1, place + 1):
        if 0 <= other < len(source.frames) and unlike(source.frames[other].image, source.frames[place].image) > 0.1:
            assert wanted < unlike(image, source.frames[other].image)


def late_seconds(clip: Wave, source: Wave, start: float) -> float:
    """How much later than in the source, seen from the clip's start, its sound is heard: where the two fit best."""
    most = round(0.15 * RATE)
    first = round(start * RATE)
    around = np.concatenate([np.zeros(most, np.float32), source, np.zeros(most + len(clip), np.float32)])[
        first : first + len(clip) + 2 * most
    ]
    fits = np.correlate(around, clip, "valid")
    return (most - int(np.argmax(fits))) / RATE


def assert_right_to_the_frame(source: Source, folder: Path, first: int, stop: int) -> None:
    """Cut [first, stop), numbers of frames, and compare."""
    frames = source.shown.frames
    start, end = frames[first].seconds, frames[stop].seconds
    clip, path = cut(source.channel, folder, start, end)
    shown = played(path)
    assert len(shown.frames) == stop - first
    assert_is_frame(shown.frames[0].image, source.shown, first)
    assert_is_frame(shown.frames[-1].image, source.shown, stop - 1)
    assert clip.start_seconds == pytest.approx(start, abs=0.002)
    assert [frame.seconds for frame in shown.frames] == pytest.approx(
        [frame.seconds - start for frame in frames[first:stop]], abs=0.002
    )
    assert abs(late_seconds(shown.wave[: 4 * RATE], source.shown.wave, start)) < 0.005
    assert len(shown.wave) / RATE == pytest.approx(end - start, abs=0.05)


def source_of(path: Path, to_seconds: float, from_seconds: float = 0.0) -> Source:
    channel = read(path, from_seconds=from_seconds, to_seconds=to_seconds)
    codecs = channel.codecs
    return Source(channel, Shown(seen(codecs.video, channel.packets), heard(codecs.audio, channel.packets)))


# ---- the clock's second hand, and a burned-in time code -----------------------------------------------------------------


def test_the_wall_clock_is_cut_at_the_very_frames_where_its_seconds_change(media: Callable[[str], Path], tmp_path: Path) -> None:
    source = source_of(media("srs_wallclock_119s.flv"), 9.0)
    frames = source.shown.frames
    changes = [place for place in range(1, len(frames)) if unlike(frames[place - 1].image, frames[place].image) > 1]
    ticks = [place for place in changes if 2 < frames[place].seconds < 8]
    assert len(ticks) == 6  # once a second
    assert_right_to_the_frame(source, tmp_path, ticks[0], ticks[4])


@pytest.fixture(scope="module")
def time_code(media: Callable[[str], Path]) -> Source:
    return source_of(media("autoeditor_example_42s.mp4"), 8.0)


@pytest.mark.parametrize(("first", "stop"), [(95, 157), (120, 180), (1, 31)])
def test_the_time_code_is_cut_at_the_very_frames(time_code: Source, tmp_path: Path, first: int, stop: int) -> None:
    assert_right_to_the_frame(time_code, tmp_path, first, stop)


# ---- shots --------------------------------------------------------------------------------------------------------------


def test_a_clip_between_two_cuts_begins_and_ends_with_its_shot(media: Callable[[str], Path], tmp_path: Path) -> None:
    #   frames   … 570 │571 … 620│ 621 …        the dragon over the town: its first frame, and its last
    source = source_of(media("sintel_trailer_480p.mp4"), 26.5, from_seconds=23.0)
    channel, frames, zero = source.channel, source.shown.frames, source.channel.epoch.source_seconds
    placing = Placing("content", 1.0)
    start, end = (
        first_frame_after_cut(channel.ring, 0, channel.codecs.template, before - zero, after - zero, placing=placing)
        for before, after in ((567 / 24, 572 / 24), (620 / 24, 624 / 24))
    )
    assert (start, end) == (pytest.approx(571 / 24 - zero, abs=0.001), pytest.approx(621 / 24 - zero, abs=0.001))
    assert start is not None
    assert end is not None
    first, stop = source.shown.place(start), source.shown.place(end)
    assert unlike(frames[first - 1].image, frames[first].image) > 30
    assert unlike(frames[stop - 1].image, frames[stop].image) > 30
    assert_right_to_the_frame(source, tmp_path, first, stop)
