"""Highlights in a ring of real packets, cut by the real thread: what the clip shows and sounds like, compared with the source.

source   |K....|K....|K..[.|K....|K..].|K....    K keyframes, one a second; [ ] the highlight, 2.5 s to 5.3 s
copy               |K..[.|K....|K..]|             from the keyframe before it, to whole frames after it
exact                   [.|K....|K..]             to the frame
"""

import itertools
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
from PIL import Image

from stream_processor.clipping.clip_outcome import Outcome, Overdue
from stream_processor.clipping.cut import CutJob, FfmpegCutter
from stream_processor.clips import Clips
from stream_processor.errors import ClipWriteError
from stream_processor.records import Clip, Highlight
from stream_processor.recovery import recover
from stream_processor.settings import ClipSettings
from tests.channel import Channel, cut, highlight, read
from tests.clip_reader import Played, play
from tests.media_maker import FPS, RECIPES, number_of

START, END = 2.5, 5.3
FIRST_INSIDE, LAST_INSIDE = 63, 132
IN_STEP_SECONDS = 0.04
NO_ROLL = ClipSettings(pre_roll_seconds=0.0, post_roll_seconds=0.0)

with_picture = pytest.mark.parametrize("recipe", [name for name, recipe in RECIPES.items() if recipe.video is not None])


def written(outcome: Outcome) -> Clip:
    assert outcome.clip is not None, outcome.reason
    return outcome.clip


def is_in_step(clip: Played) -> bool:
    return len(clip.clicks) >= 2 and all(abs(late) <= IN_STEP_SECONDS for late in clip.out_of_step_seconds())


def is_run_of(taken: list[bytes], source: list[bytes]) -> bool:
    return any(source[first : first + len(taken)] == taken for first in range(len(source) - len(taken) + 1))


# ---- every container and codec ---------------------------------------------------------------------------------------


@with_picture
def test_a_copied_clip_starts_on_a_keyframe_at_zero_and_plays_every_frame_that_the_source_has(
    made: Callable[..., Path], tmp_path: Path, recipe: str
) -> None:
    source = made(recipe)
    clip = written(cut(read(source), highlight(START, END), tmp_path))
    played = play(tmp_path / clip.filename)
    first = played.numbers[0]
    assert played.first_is_key
    assert played.times[0] == 0.0
    assert first <= FIRST_INSIDE
    assert first > FIRST_INSIDE - 2 * FPS, "the keyframe just before the start"
    assert played.numbers == list(range(first, first + len(played.numbers)))
    assert LAST_INSIDE <= played.numbers[-1] <= LAST_INSIDE + 4, "whole frames, no more than the B-frames ask for"
    originals = play(source).lumas
    assert all(np.array_equal(luma, originals[number]) for luma, number in zip(played.lumas, played.numbers, strict=True))
    assert clip.start_seconds == pytest.approx(first / FPS, abs=0.002)
    assert clip.duration_seconds == pytest.approx(played.times[-1] + 1 / FPS, abs=0.05)
    assert clip.fps == pytest.approx(FPS, abs=0.02)
    assert clip.cut == "copy"


@with_picture
def test_an_exact_clip_begins_and_ends_with_the_very_frames_asked_for(
    made: Callable[..., Path], tmp_path: Path, recipe: str
) -> None:
    source = made(recipe)
    clip = written(cut(read(source), highlight(START, END), tmp_path, cut="exact"))
    played = play(tmp_path / clip.filename)
    assert played.numbers == list(range(FIRST_INSIDE, LAST_INSIDE + 1))
    assert played.times[0] == 0.0
    assert played.first_is_key
    assert clip.start_seconds == pytest.approx(FIRST_INSIDE / FPS, abs=0.002)
    assert (clip.cut, clip.codec) == ("exact", "h264")
    originals = play(source).lumas
    for luma, number in zip(played.lumas, played.numbers, strict=True):
        assert np.abs(luma.astype(int) - originals[number]).mean() < 4


@pytest.mark.parametrize("recipe", [name for name, recipe in RECIPES.items() if recipe.video and recipe.audio])
@pytest.mark.parametrize("manner", ["copy", "exact"])
def test_sound_and_picture_are_in_step(made: Callable[..., Path], tmp_path: Path, recipe: str, manner: str) -> None:
    clip = written(cut(read(made(recipe)), highlight(START, END), tmp_path, cut=manner))
    assert is_in_step(play(tmp_path / clip.filename))


@pytest.mark.parametrize("recipe", ["h264 in mp4", "h264 in fragmented mp4", "h264 in mkv", "vp9 and opus in webm"])
def test_a_copied_clip_holds_the_sources_packets_byte_for_byte(made: Callable[..., Path], tmp_path: Path, recipe: str) -> None:
    channel = read(made(recipe))
    played = play(tmp_path / written(cut(channel, highlight(START, END), tmp_path)).filename)
    for kind in ("video", "audio"):
        source = [packet.data for packet in channel.packets if packet.kind == kind]
        assert played.packets[kind]
        assert is_run_of(played.packets[kind], source)


@pytest.mark.parametrize(
    ("recipe", "name", "codec", "sound"),
    [
        ("h264 in ts", "clip-a-0-1.mp4", "h264", "aac"),
        ("hevc with open gops in mp4", "clip-a-0-1.mp4", "hevc", "aac"),
        ("av1 and opus in mkv", "clip-a-0-1.mp4", "av1", "opus"),
        ("vp9 and opus in webm", "clip-a-0-1.mp4", "vp9", "opus"),
        ("vp8 and opus in webm", "clip-a-0-1.mkv", "vp8", "opus"),
    ],
)
def test_what_mp4_cannot_hold_goes_to_matroska(
    made: Callable[..., Path], tmp_path: Path, recipe: str, name: str, codec: str, sound: str
) -> None:
    clip = written(cut(read(made(recipe)), highlight(START, END), tmp_path))
    assert (clip.filename, clip.codec, clip.audio) == (name, codec, sound)


def test_pictures_that_refer_to_before_the_first_keyframe_are_left_out(made: Callable[..., Path], tmp_path: Path) -> None:
    channel = read(made("hevc with open gops in ts"))
    pictures = [packet for packet in channel.packets if packet.kind == "video"]
    keys = [index for index, packet in enumerate(pictures) if packet.is_key]
    assert any(pictures[keys[2] + ahead].pts < pictures[keys[2]].pts for ahead in (1, 2, 3)), "no open GOP: the test is none"
    played = play(tmp_path / written(cut(channel, highlight(START, END), tmp_path)).filename)
    assert played.numbers[0] == round(pictures[keys[2]].seconds * FPS)
    assert played.times[0] == 0.0


def test_sound_alone_makes_a_clip_without_a_picture(made: Callable[..., Path], tmp_path: Path) -> None:
    clip = written(cut(read(made("sound alone")), highlight(START, END), tmp_path))
    assert (clip.codec, clip.width, clip.picture, clip.audio) == (None, None, None, "aac")
    played = play(tmp_path / clip.filename)
    assert played.sound_seconds is not None
    assert played.sound_seconds[0] == 0.0
    assert played.sound_seconds[1] == pytest.approx(END - START, abs=0.05)
    assert played.clicks[0] == pytest.approx(3.0 - clip.start_seconds, abs=IN_STEP_SECONDS)


def test_the_picture_beside_the_clip_is_the_frame_at_the_peak(made: Callable[..., Path], tmp_path: Path) -> None:
    clip = written(cut(read(made("h264 in ts")), highlight(START, END, peak=4.2), tmp_path))
    assert clip.picture == "clip-a-0-1.jpg"
    with Image.open(tmp_path / clip.picture) as image:
        assert abs(number_of(np.asarray(image.convert("L"))) - 4.2 * FPS) <= 1


def test_pre_roll_and_post_roll_belong_to_the_clip(made: Callable[..., Path], tmp_path: Path) -> None:
    channel = read(made("h264 in mp4"))
    clip = written(cut(channel, highlight(4.0, 4.6), tmp_path, cut="exact", pre_roll_seconds=1.0, post_roll_seconds=0.8))
    numbers = play(tmp_path / clip.filename).numbers
    assert (numbers[0], numbers[-1]) == (3 * FPS, round(5.4 * FPS) - 1)


def test_a_highlight_at_the_streams_ends_gets_what_there_is(made: Callable[..., Path], tmp_path: Path) -> None:
    channel = read(made("h264 in mp4"))
    clip = written(cut(channel, highlight(0.0, 8.0), tmp_path, pre_roll_seconds=3.0, post_roll_seconds=5.0))
    assert play(tmp_path / clip.filename).numbers == list(range(8 * FPS))


# ---- boundaries that are known only later -----------------------------------------------------------------------------


def finished(
    made: Callable[..., Path], folder: Path, recipe: str, span: tuple[float, float], *, manner: str = "copy"
) -> tuple[Outcome, Channel]:
    """A highlight from 2.5 s to 5.3 s without rolls, with a spool that begins 2.4 s earlier, and a clip from ``span``."""
    channel, outcomes = read(made(recipe)), list[Any]()
    settings = ClipSettings(pre_roll_seconds=0.0, post_roll_seconds=0.0, cut=manner)  # type: ignore[arg-type]
    clips = Clips(channel.ring, folder, settings, FfmpegCutter(), outcomes.append, before_seconds=2.4)
    clips.start()
    clips.open(highlight(START, END), channel.epoch, channel.codecs.template)
    clips.close(highlight(START, END), folder / "clip", span)
    clips.stop()
    (outcome,) = outcomes
    return outcome, channel


@pytest.mark.parametrize(
    ("recipe", "start", "first"),
    [
        *(("h264 in mp4", start, first) for start, first in ((START, 50), (0.5, 0), (1.0, 25), (3.2, 75))),
        *((recipe, 3.2, 75) for recipe, parts in RECIPES.items() if parts.video is not None),
    ],
)
def test_a_copied_clip_begins_at_the_keyframe_before_where_it_is_to_begin_wherever_its_spool_does(
    made: Callable[..., Path], tmp_path: Path, recipe: str, start: float, first: int
) -> None:
    #  spool   |K....|K....|K....|K....|K       K a second apart, but for the recipes with longer GOPs
    #  clip            from the one at or before ``start``
    outcome, channel = finished(made, tmp_path, recipe, (start, END))
    played = play(tmp_path / written(outcome).filename)
    keys = [round(packet.seconds * FPS) for packet in channel.packets if packet.kind == "video" and packet.is_key]
    expected = max((key for key in keys if key <= start * FPS + 0.01), default=keys[0])
    assert (played.numbers[0], played.times[0], played.first_is_key) == (expected, 0.0, True)
    assert expected == first or recipe not in ("h264 in mp4", "h264 in ts")
    assert played.numbers == list(range(expected, expected + len(played.numbers)))
    assert written(outcome).start_seconds == pytest.approx(expected / FPS, abs=0.002)
    if played.clicks:
        assert is_in_step(played)
    originals = play(made(recipe)).lumas
    assert np.array_equal(played.lumas[0], originals[expected])


@pytest.mark.parametrize("recipe", ["h264 in ts", "hevc with open gops in ts", "vp9 and opus in webm"])
@pytest.mark.parametrize(("start", "end"), [(0.6, 6.0), (3.24, 4.4)])
def test_an_exact_clip_has_the_very_frames_that_were_decided_later(
    made: Callable[..., Path], tmp_path: Path, recipe: str, start: float, end: float
) -> None:
    outcome, _ = finished(made, tmp_path, recipe, (start, end), manner="exact")
    played = play(tmp_path / written(outcome).filename)
    assert played.numbers == list(range(round(start * FPS), round(end * FPS)))
    assert all(abs(late) <= IN_STEP_SECONDS for late in played.out_of_step_seconds())


def test_of_one_that_is_not_wanted_no_file_is_written_and_its_spool_may_go(made: Callable[..., Path], tmp_path: Path) -> None:
    watched = Watched(read(made("h264 in mp4")), tmp_path)
    watched.clips.ask_at(watched.open_and_tell(START, END), 6.0)
    assert watched.delivered.wait(30)
    assert list(tmp_path.glob(".spool/*")) != []
    watched.clips.discard(highlight(START, END), "ranked 7th of the last hour")
    watched.clips.stop()
    outcome = watched.outcomes[-1]
    assert (outcome.clip, outcome.reason, outcome.kind) == (None, "ranked 7th of the last hour", "not_kept")
    assert files(tmp_path) == []
    watched.clips.forget("a-0-1")
    assert list(tmp_path.glob(".spool/*")) == []


def test_it_is_said_once_when_the_packets_of_a_time_have_come_and_nobody_has_closed_it(
    made: Callable[..., Path], tmp_path: Path
) -> None:
    watched = Watched(read(made("h264 in mp4")), tmp_path)
    watched.clips.ask_at(watched.open_and_tell(START, END), 6.0)
    assert watched.delivered.wait(30)
    assert watched.outcomes == [Overdue("a-0-1")]
    watched.delivered.clear()
    watched.close(START, END)
    assert watched.delivered.wait(30)
    watched.clips.stop()
    assert [type(outcome) for outcome in watched.outcomes] == [Overdue, Outcome]


def test_it_is_known_from_where_on_there_are_packets(made: Callable[..., Path], tmp_path: Path) -> None:
    channel = read(made("h264 in mp4"))
    clips = Clips(channel.ring, tmp_path, NO_ROLL, FfmpegCutter(), lambda _: None, before_seconds=1.25)
    clips.open(highlight(START, END), channel.epoch, channel.codecs.template)
    assert clips.begins_at("a-0-1") == START - 1.25
    clips.start()
    clips.stop()


# ---- real recordings -------------------------------------------------------------------------------------------------


def test_timestamps_with_steps_of_one_tick_survive_where_a_live_encoder_was_restarted(
    media: Callable[[str], Path], tmp_path: Path
) -> None:
    """planted_dev.mp4 has a seam at 112 s: pictures out of order, references broken, dts that rise by one."""
    channel = read(media("planted_dev.mp4"), from_seconds=106, to_seconds=120)
    seam = 112.0 - channel.epoch.source_seconds
    steps = np.diff([packet.dts for packet in channel.packets if packet.kind == "video"])
    assert 1 in steps, "no step of one tick: the test is none"
    clip = written(cut(channel, highlight(seam - 3, seam + 3), tmp_path))
    played = play(tmp_path / clip.filename, torn=True)
    source = [packet.data for packet in channel.packets if packet.kind == "video"]
    assert is_run_of(played.packets["video"], source)
    assert played.times[0] == 0.0


def test_an_exact_clip_across_such_a_seam_is_in_order(media: Callable[[str], Path], tmp_path: Path) -> None:
    channel = read(media("planted_dev.mp4"), from_seconds=106, to_seconds=120)
    seam = 112.0 - channel.epoch.source_seconds
    clip = written(cut(channel, highlight(seam - 1, seam + 1), tmp_path, cut="exact"))
    assert play(tmp_path / clip.filename).times[-1] == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("manner", ["copy", "exact"])
def test_the_wall_clock_shows_the_seconds_that_the_clip_claims(media: Callable[[str], Path], tmp_path: Path, manner: str) -> None:
    """A screen capture of a clock, at a variable frame rate: each frame of the clip is nearest to the source's at that time."""
    path = media("srs_wallclock_119s.flv")
    channel = read(path, to_seconds=34)
    source = play(path, until_seconds=34.0)
    clip = written(cut(channel, highlight(20.5, 26.0), tmp_path, cut=manner))
    played = play(tmp_path / clip.filename)
    source_seconds = np.array(source.times) - channel.epoch.source_seconds
    for seconds, luma in list(zip(played.times, played.lumas, strict=True))[::20]:
        at = clip.start_seconds + seconds
        here = int(np.argmin(np.abs(source_seconds - at)))
        assert abs(source_seconds[here] - at) < 0.002
        earlier, later = (int(np.argmin(np.abs(source_seconds - at - shift))) for shift in (-2.0, 2.0))
        apart = [np.abs(luma.astype(int) - source.lumas[index]).mean() for index in (earlier, here, later)]
        assert apart[1] == min(apart)
        assert manner == "exact" or apart[1] == 0.0
    assert abs(clip.start_seconds - 20.5) <= (0.1 if manner == "exact" else 10.1), "keyframes are up to 10 s apart in it"


def test_vorbis_goes_to_matroska_with_its_picture_untouched(media: Callable[[str], Path], tmp_path: Path) -> None:
    channel = read(media("bbb_0_30_720p.webm"), to_seconds=4)
    clip = written(cut(channel, highlight(1.0, 3.0), tmp_path))
    assert (clip.filename, clip.codec, clip.audio) == ("clip-a-0-1.mkv", "vp8", "vorbis")
    played = play(tmp_path / clip.filename)
    source = [packet.data for packet in channel.packets if packet.kind == "video"]
    assert is_run_of(played.packets["video"], source)


def test_a_picture_that_neither_container_holds_is_encoded(media: Callable[[str], Path], tmp_path: Path) -> None:
    channel = read(media("odd/vp6_noaudio.flv"), to_seconds=6)
    clip = written(cut(channel, highlight(1.0, 3.0), tmp_path))
    assert (clip.filename, clip.codec, clip.cut) == ("clip-a-0-1.mp4", "h264", "exact")
    assert len(play(tmp_path / clip.filename).times) == 20


def test_a_sound_that_neither_container_holds_is_encoded(media: Callable[[str], Path], tmp_path: Path) -> None:
    clip = written(cut(read(media("odd/media3_ts/sample_latm.ts")), highlight(0.0, 0.2), tmp_path))
    assert (clip.filename, clip.audio) == ("clip-a-0-1.mp4", "aac")
    sound = play(tmp_path / clip.filename).sound_seconds
    assert sound is not None
    assert sound[1] == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize("manner", ["copy", "exact"])
def test_a_phones_rotation_is_kept_and_its_picture_stands_upright(
    media: Callable[[str], Path], tmp_path: Path, manner: str
) -> None:
    clip = written(cut(read(media("odd/media3_sample_rotate_and_reflect.mp4")), highlight(0.1, 0.8), tmp_path, cut=manner))
    assert play(tmp_path / clip.filename).rotation == -90
    assert clip.picture is not None
    with Image.open(tmp_path / clip.picture) as image:
        assert image.size == (720, 1080)


# ---- a disk that fails -----------------------------------------------------------------------------------------------


class Watched:
    """The cutting thread with a clock that runs ahead, so that nothing waits for a retry."""

    def __init__(self, channel: Channel, folder: Path, *, cutter: Any = None, **options: Any) -> None:
        self.outcomes: list[Outcome] = []
        self.delivered = threading.Event()
        ticks = itertools.count(step=10.0)
        self.channel, self.folder = channel, folder
        options.setdefault("clock", lambda: next(ticks))
        self.clips = Clips(channel.ring, folder, NO_ROLL, cutter or FfmpegCutter(), self._deliver, **options)
        self.clips.start()

    def _deliver(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.delivered.set()

    def open(self, start: float, end: float, id: str = "a-0-1") -> None:
        self.clips.open(highlight(start, end, id=id), self.channel.epoch, self.channel.codecs.template)

    def open_and_tell(self, start: float, end: float) -> Highlight:
        self.open(start, end)
        return highlight(start, end)

    def close(self, start: float, end: float, id: str = "a-0-1") -> None:
        self.clips.close(highlight(start, end, id=id), self.folder / f"clip-{id}")


class Until:
    """Raises ``error`` for the first ``times`` calls, then does what it should; ``passed`` is set at the last of them."""

    def __init__(self, times: int, error: Exception, then: Callable[..., Any]) -> None:
        self.left, self._error, self._then = times, error, then

    def __call__(self, *arguments: Any) -> Any:
        self.left -= 1
        if self.left >= 0:
            raise self._error
        return self._then(*arguments)


def finish(watched: Watched) -> Outcome:
    """Wait for the one outcome, without stopping: the program goes on."""
    assert watched.delivered.wait(30)
    watched.clips.stop()
    return watched.outcomes[0]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_when_there_is_no_room_the_packets_wait_and_the_clip_is_written_as_soon_as_there_is(
    made: Callable[..., Path], tmp_path: Path
) -> None:
    room = iter([0, 0, 0, 0, 0])
    watched = Watched(read(made("h264 in mp4")), tmp_path, min_free_mb=1, free_bytes=lambda _: next(room, 10**9))
    watched.open(START, END)
    watched.close(START, END)
    clip = written(finish(watched))
    assert next(room, None) is None, "it was full at first"
    assert play(tmp_path / clip.filename).numbers[0] == 50


def test_a_folder_that_is_gone_and_comes_back_costs_nothing(made: Callable[..., Path], tmp_path: Path) -> None:
    """As when a disk is unplugged: the output folder is nowhere, and what could be its parent is no folder."""
    disk = tmp_path / "disk"
    disk.write_text("not mounted")
    calls = itertools.count()

    def clock() -> float:
        call = next(calls)
        if call == 10:
            disk.unlink()
            disk.mkdir()
        return 10.0 * call

    watched = Watched(read(made("h264 in mp4")), disk / "me", clock=clock)
    watched.open(START, END)
    watched.close(START, END)
    assert play(disk / "me" / written(finish(watched)).filename).numbers[0] == 50
    assert next(calls) > 10, "it was gone at first"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 16 kB, which can be made larger."""
    disk = tmp_path / "small"
    disk.mkdir()
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(disk)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_disk_that_is_really_full_leaves_nothing_half_written_and_the_clip_comes_later(
    made: Callable[..., Path], small_disk: Path
) -> None:
    channel = read(made("h264 in mp4"))
    assert sum(len(packet.data) for packet in channel.packets) > 18_000, "it would fit: the test is none"
    refused: list[list[str]] = []

    def enlarge(folder: Path) -> int:
        refused.append(files(folder))
        if len(refused) == 4:
            subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
        return 10**9

    watched = Watched(channel, small_disk, free_bytes=enlarge)
    watched.open(0.0, 8.0)
    watched.close(0.0, 8.0)
    clip = written(finish(watched))
    assert play(small_disk / clip.filename).numbers == list(range(8 * FPS))
    assert len(refused) >= 4
    assert not any(refused), "while the disk was full, nobody saw a file that was not whole"
    assert files(small_disk) == ["clip-a-0-1.jpg", "clip-a-0-1.mp4"]


def test_what_a_full_disk_holds_at_the_programs_end_is_left_to_the_next_start(
    made: Callable[..., Path], small_disk: Path
) -> None:
    watched = Watched(read(made("h264 in mp4")), small_disk)
    watched.open(0.0, 8.0)
    watched.close(0.0, 8.0)
    watched.clips.stop()
    assert watched.outcomes == [], "its `end` comes with the next start"
    assert files(small_disk) == []
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    outcome = recover(small_disk, highlight(0.0, 8.0), 0.0, NO_ROLL, FfmpegCutter(), small_disk / "clip")
    numbers = play(small_disk / written(outcome).filename).numbers
    assert numbers == list(range(len(numbers)))
    assert 3 * FPS < len(numbers) < 8 * FPS
    assert outcome.reason == "its end is missing: this is all that was on disk"


def test_a_full_disk_at_the_programs_end_that_holds_nothing_of_it_loses_the_clip_with_a_reason(
    made: Callable[..., Path], small_disk: Path
) -> None:
    (small_disk / "filler").write_bytes(bytes(16 * 1024))
    watched = Watched(read(made("h264 in mp4")), small_disk)
    watched.open(0.0, 8.0)
    watched.close(0.0, 8.0)
    watched.clips.stop()
    (outcome,) = watched.outcomes
    assert (outcome.clip, outcome.kind) == (None, "lost_disk")
    assert outcome.reason is not None
    assert "No space left" in outcome.reason
    assert files(small_disk) == ["filler"]


@pytest.fixture
def room_for_a_clip(small_disk: Path, tmp_path: Path) -> Path:
    """The spool elsewhere: the clip of START to END fits on the small disk, its picture does not."""
    (tmp_path / "spools").mkdir()
    (small_disk / ".spool").symlink_to(tmp_path / "spools")
    return small_disk


class CountingCutter:
    def __init__(self) -> None:
        self.cuts = 0

    def cut(self, job: CutJob) -> Clip:
        self.cuts += 1
        return FfmpegCutter().cut(job)


def test_a_picture_that_the_disk_refuses_is_made_later_and_the_clip_is_not_cut_again(
    made: Callable[..., Path], room_for_a_clip: Path
) -> None:
    tries = itertools.count()

    def enlarge(_: Path) -> int:
        if next(tries) == 5:
            subprocess.run(["mount", "-o", "remount,size=8m", str(room_for_a_clip)], check=True)
        return 10**9

    cutter = CountingCutter()
    watched = Watched(read(made("h264 in mp4")), room_for_a_clip, cutter=cutter, free_bytes=enlarge)
    with structlog.testing.capture_logs() as lines:
        watched.open(START, END)
        watched.close(START, END)
        outcome = finish(watched)
    assert (written(outcome).picture, outcome.reason) == ("clip-a-0-1.jpg", None)
    assert files(room_for_a_clip) == ["clip-a-0-1.jpg", "clip-a-0-1.mp4"]
    assert cutter.cuts == 1
    assert [line["reason"] for line in lines if line["log_level"] == "error"] == ["clip-a-0-1.jpg: No space left on device"]


def test_a_clip_whose_picture_the_disk_refuses_until_the_programs_end_says_so(
    made: Callable[..., Path], room_for_a_clip: Path
) -> None:
    watched = Watched(read(made("h264 in mp4")), room_for_a_clip)
    watched.open(START, END)
    watched.close(START, END)
    watched.clips.stop()
    (outcome,) = watched.outcomes
    assert written(outcome).picture is None
    assert outcome.reason == "without a picture: clip-a-0-1.jpg: No space left on device"
    assert files(room_for_a_clip) == ["clip-a-0-1.mp4"]


def test_a_cut_that_fails_is_tried_again_from_the_same_spool(made: Callable[..., Path], tmp_path: Path) -> None:
    class Flaky:
        cut = Until(3, ClipWriteError("not now"), FfmpegCutter().cut)

    watched = Watched(read(made("h264 in mp4")), tmp_path, cutter=Flaky())
    watched.open(START, END)
    watched.close(START, END)
    assert play(tmp_path / written(finish(watched)).filename).numbers[0] == 50


# ---- the end of the program, orderly or not --------------------------------------------------------------------------


def test_stop_finishes_what_is_closed_and_leaves_the_spool_of_what_is_open(made: Callable[..., Path], tmp_path: Path) -> None:
    watched = Watched(read(made("h264 in mp4")), tmp_path)
    watched.open(1.0, 3.0, id="closed")
    watched.open(4.0, 5.0, id="open")
    watched.close(1.0, 3.0, id="closed")
    watched.clips.stop()
    assert [outcome.highlight_id for outcome in watched.outcomes] == ["closed"]
    assert written(watched.outcomes[0]).filename == "clip-closed.mp4"
    assert files(tmp_path / ".spool") == ["closed.mkv", "open.mkv"], "until the journal has the highlight's end"
    watched.clips.forget("closed")
    assert files(tmp_path / ".spool") == ["open.mkv"]


def test_what_was_open_is_cut_from_its_spool_by_the_next_start(made: Callable[..., Path], tmp_path: Path) -> None:
    watched = Watched(read(made("h264 in mp4")), tmp_path)
    watched.open(START, END)
    watched.clips.stop()
    outcome = recover(tmp_path, highlight(START, END, peak=4.0), 0.0, NO_ROLL, FfmpegCutter(), tmp_path / "clip")
    played = play(tmp_path / written(outcome).filename)
    assert played.first_is_key
    assert played.times[0] == 0.0
    assert played.numbers[0] == 50
    assert played.numbers[-1] >= LAST_INSIDE
    assert played.numbers == sorted(played.numbers)
    assert is_in_step(played)


def test_a_highlight_of_which_nothing_reached_the_disk_says_so(tmp_path: Path) -> None:
    outcome = recover(tmp_path, highlight(START, END), 0.0, NO_ROLL, FfmpegCutter(), tmp_path / "clip")
    assert outcome.clip is None
    assert outcome.reason == "the program ended before any of it was on disk"


@pytest.mark.parametrize("content", [b"", b"\x1aE\xdf\xa3 torn", bytes(5000)], ids=["empty", "torn", "zeros"])
def test_a_spool_that_holds_nothing_readable_is_given_up(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".spool").mkdir()
    (tmp_path / ".spool" / "a-0-1.mkv").write_bytes(content)
    outcome = recover(tmp_path, highlight(START, END), 0.0, NO_ROLL, FfmpegCutter(), tmp_path / "clip")
    assert outcome.clip is None
    assert outcome.reason is not None
    assert files(tmp_path) == []


def test_a_full_disk_keeps_the_spool_for_a_later_start(made: Callable[..., Path], tmp_path: Path) -> None:
    watched = Watched(read(made("h264 in mp4")), tmp_path)
    watched.open(START, END)
    watched.clips.stop()

    class Full:
        def cut(self, job: CutJob) -> Clip:
            raise ClipWriteError("No space left on device")

    with pytest.raises(ClipWriteError, match="No space left"):
        recover(tmp_path, highlight(START, END), 0.0, NO_ROLL, Full(), tmp_path / "clip")
    assert files(tmp_path / ".spool") == ["a-0-1.mkv"]


def test_a_spool_that_somebody_removed_is_given_up_at_once(made: Callable[..., Path], tmp_path: Path) -> None:
    class Removes:
        def cut(self, job: CutJob) -> Clip:
            job.spool.unlink(missing_ok=True)
            return FfmpegCutter().cut(job)

    watched = Watched(read(made("h264 in mp4")), tmp_path, cutter=Removes())
    watched.open(START, END)
    watched.close(START, END)
    outcome = finish(watched)
    assert outcome.clip is None
    assert outcome.reason is not None
    assert "cannot be read back" in outcome.reason


def test_a_spool_that_is_removed_while_its_highlight_is_open_is_written_again(made: Callable[..., Path], tmp_path: Path) -> None:
    watched = Watched(read(made("h264 in mp4")), tmp_path)
    watched.open(START, END)
    spool = tmp_path / ".spool" / "a-0-1.mkv"
    until(lambda: spool.exists() and spool.stat().st_size > 0)
    shutil.rmtree(tmp_path / ".spool")
    watched.close(START, END)
    outcome = finish(watched)
    assert outcome.reason is None
    assert play(tmp_path / written(outcome).filename).numbers[0] == 50


def test_a_clip_that_neither_the_disk_nor_the_ring_could_hold_is_lost_with_both_reasons(
    made: Callable[..., Path], tmp_path: Path
) -> None:
    refused = threading.Event()

    def no_room(_: Path) -> int:
        refused.set()
        return 0 if not gone else 10**9

    channel, gone = read(made("h264 in mp4")), False
    watched = Watched(channel, tmp_path, min_free_mb=1, free_bytes=no_room)
    watched.open(START, END)
    assert refused.wait(30)
    with channel.ring._changed:  # as when ring.max_mb is reached
        channel.ring._first += len(channel.ring._entries)
        channel.ring._entries.clear()
    gone = True
    watched.close(START, END)
    outcome = finish(watched)
    assert (outcome.clip, outcome.kind) == (None, "lost_ring")
    assert outcome.reason is not None
    assert outcome.reason.startswith("the disk refused it (only 0 MB free in ")
    assert outcome.reason.endswith("until the packet ring no longer held any of it")


def test_a_clip_whose_beginning_the_ring_could_not_hold_says_what_is_missing(made: Callable[..., Path], tmp_path: Path) -> None:
    refused = threading.Event()

    def no_room(_: Path) -> int:
        refused.set()
        return 0 if not gone else 10**9

    channel, gone = read(made("h264 in mp4")), False
    watched = Watched(channel, tmp_path, min_free_mb=1, free_bytes=no_room)
    watched.open(START, 7.0)
    assert refused.wait(30)
    with channel.ring._changed:
        while channel.ring._entries[0].packet.seconds < 4.5:
            channel.ring._entries.popleft()
            channel.ring._first += 1
    gone = True
    watched.close(START, 7.0)
    outcome = finish(watched)
    assert play(tmp_path / written(outcome).filename).numbers[0] == 5 * FPS
    assert outcome.reason is not None
    assert "packets are missing: the disk refused them (only 0 MB free" in outcome.reason
    assert outcome.kind == "incomplete"


def test_what_the_ring_still_holds_is_written_however_often_the_disk_refused_it_meanwhile(
    made: Callable[..., Path], tmp_path: Path
) -> None:
    """
    ring   ✂✂✂✂[5 s ──────────▶     max_mb is reached while the disk is full
    disk   ✗   ✗   ✗   ✓           it is asked, and refuses, after that as well
    """
    asked, room = itertools.count(), [0]
    last = 0

    def free(_: Path) -> int:
        nonlocal last
        last = next(asked)
        return room[0]

    channel = read(made("h264 in mp4"))
    watched = Watched(channel, tmp_path, min_free_mb=1, free_bytes=free)
    watched.open(START, 7.0)
    until(lambda: last >= 1)
    with channel.ring._changed:
        while channel.ring._entries[0].packet.seconds < 4.5:
            channel.ring._entries.popleft()
            channel.ring._first += 1
        refused = last
    until(lambda: last >= refused + 3)
    room[0] = 10**9
    watched.close(START, 7.0)
    outcome = finish(watched)
    assert play(tmp_path / written(outcome).filename).numbers[0] == 5 * FPS
    assert outcome.kind == "incomplete"
    assert outcome.reason is not None
    assert outcome.reason.startswith("its beginning may be missing: the disk refused it (only 0 MB free")


def test_a_whole_spool_that_cannot_become_a_clip_at_the_end_is_left_to_the_next_start(
    made: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refused:
        def cut(self, job: CutJob) -> Clip:
            raise ClipWriteError("Read-only file system")

    monkeypatch.setattr("stream_processor.clipping.clip_work.salvage", Refused().cut)
    watched = Watched(read(made("h264 in mp4")), tmp_path, cutter=Refused())
    watched.open(START, END)
    watched.close(START, END)
    watched.clips.stop()
    assert watched.outcomes == [], "its `end` comes with the next start"
    assert watched.clips.has_spool("a-0-1")
    outcome = recover(tmp_path, highlight(START, END), 0.0, NO_ROLL, FfmpegCutter(), tmp_path / "clip")
    assert play(tmp_path / written(outcome).filename).numbers[0] == 50


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_highlight_that_the_ring_no_longer_holds_says_so(made: Callable[..., Path], tmp_path: Path) -> None:
    outcome = cut(read(made("h264 in mp4")), highlight(START, END, epoch=0), tmp_path)
    assert outcome.clip is not None
    channel = read(made("h264 in mp4"))
    channel.ring.append(channel.packets[-1], 0.0)  # only one packet of it left, and no keyframe
    channel.ring._entries.clear()
    outcome = cut(channel, highlight(START, END), tmp_path)
    assert (outcome.clip, outcome.reason) == (None, "the packet ring no longer held any of it")


def test_whatever_a_cutter_raises_costs_that_clip_and_the_next_one_is_cut(made: Callable[..., Path], tmp_path: Path) -> None:
    class Broken:
        cut = Until(1, ValueError("cannot cut rtmp://h/app/KEY"), FfmpegCutter().cut)

    watched = Watched(read(made("h264 in mp4")), tmp_path, cutter=Broken())
    with structlog.testing.capture_logs() as lines:
        watched.open(1.0, 3.0, id="first")
        watched.close(1.0, 3.0, id="first")
        assert watched.delivered.wait(30), "told at once, not at the stream's end"
        watched.open(4.0, 5.0, id="second")
        watched.close(4.0, 5.0, id="second")
        watched.clips.stop()
    first, second = watched.outcomes
    assert first.clip is None
    assert first.reason is not None
    assert first.reason.startswith("ValueError: cannot cut rtmp://")
    assert "KEY" not in first.reason
    assert written(second).filename == "clip-second.mp4"
    (said,) = (line for line in lines if line["log_level"] == "error")
    assert (said["highlight"], said["exc_info"]) == ("first", True)


def test_what_goes_wrong_while_a_highlight_is_open_is_told_once_it_is_closed(
    made: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    def write(*_: object) -> None:
        tried.set()
        raise ValueError("no such codec")

    monkeypatch.setattr("stream_processor.clipping.spool.SpoolWriter.write", write)
    watched = Watched(read(made("h264 in mp4")), tmp_path)
    watched.open(START, END)
    assert tried.wait(30)
    assert watched.outcomes == []
    watched.close(START, END)
    assert finish(watched) == Outcome("a-0-1", None, "ValueError: no such codec", "failed")


@pytest.mark.parametrize(("end", "reason"), [(END, "its end is missing: no more than 1 s are kept"), (START + 0.5, None)])
def test_of_a_highlight_that_nobody_closes_no_more_is_kept_than_a_stated_time(
    made: Callable[..., Path], tmp_path: Path, end: float, reason: str | None
) -> None:
    #  ring    |K....|K....|K..[.|K....|K..].|K....|K....    it stays open
    #  spool                |K..[.|K.                       1 s from its start
    with structlog.testing.capture_logs() as lines:
        watched = Watched(read(made("h264 in mp4")), tmp_path, longest_seconds=1)
        watched.open(START, START)
        while not any(line.get("seconds") == 1 for line in lines):
            time.sleep(0.01)
        assert watched.outcomes == []
        watched.close(START, end)
        outcome = finish(watched)
    clip = written(outcome)
    assert outcome.reason == reason
    assert clip.start_seconds <= START
    assert clip.start_seconds + clip.duration_seconds == pytest.approx(min(end, START + 1), abs=0.2)
    assert [line["event"] for line in lines if line["log_level"] == "error"] == [
        "a highlight stays open for too long: no more of it is kept"
    ]


def test_stop_does_not_wait_for_what_the_disk_refused_and_nobody_closed(made: Callable[..., Path], tmp_path: Path) -> None:
    full = threading.Event()

    def no_room(_: Path) -> int:
        full.set()
        return 0

    watched = Watched(read(made("h264 in mp4")), tmp_path, min_free_mb=1, free_bytes=no_room)
    watched.open(START, END)
    assert full.wait(30)
    watched.clips.stop()
    assert watched.outcomes == []


def test_what_the_listener_raises_is_raised_by_stop(made: Callable[..., Path], tmp_path: Path) -> None:
    def deliver(_: Outcome) -> None:
        raise ZeroDivisionError("a bug")

    channel = read(made("h264 in mp4"))
    clips = Clips(channel.ring, tmp_path, NO_ROLL, FfmpegCutter(), deliver)
    clips.start()
    clips.open(highlight(START, END), channel.epoch, channel.codecs.template)
    clips.close(highlight(START, END), tmp_path / "clip")
    with pytest.raises(ZeroDivisionError, match="a bug"):
        clips.stop()
