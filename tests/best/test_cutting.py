"""Clips out of real files: which frames and which samples are in them. The made recordings show their frames' numbers.

frames    … 48 49 │50 51 … 124│125 …      [2 s, 5 s) at 25 fps
sound      click at 2.0, 3.0, 4.0
"""

import gc
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from stream_processor.best.cutting import CutClip, Cutting, cut
from stream_processor.best.peak_picture import PeakCatcher
from stream_processor.best.records import Chosen, Moment, Stretch, Video
from stream_processor.best.settings import BestClips
from stream_processor.clipping.encode import PictureEncoder
from stream_processor.errors import ClipImpossible, ClipWriteError, GivenUp
from stream_processor.settings import SourceSettings
from tests.best.selections import video_of
from tests.clip_reader import Played, play
from tests.media_maker import FPS, draw

HOW = Cutting(BestClips(preset="ultrafast"), SourceSettings())


def chosen(start: float, end: float, peak: float | None = None) -> Chosen:
    seconds = (start + end) / 2 if peak is None else peak
    return Chosen(1, Moment(0, 0, seconds, round(seconds * FPS), 0.5, {}), start, end)


def cut_out(video: Video, start: float, end: float, folder: Path, how: Cutting = HOW, **more: Any) -> tuple[CutClip, Played]:
    made = cut(video, chosen(start, end, **more), folder / "clip.mp4", how)
    return made, play(folder / "clip.mp4")


@pytest.mark.parametrize(
    "recipe",
    [
        "h264 in mp4",
        "h264 in ts",
        "h264 in flv",
        "h264 in mkv",
        "hevc with open gops in mp4",
        "vp9 and opus in webm",
        "mpeg2 and ac3 in ts",
    ],
)
def test_it_has_the_very_frames(made: Callable[..., Path], tmp_path: Path, recipe: str) -> None:
    result, played = cut_out(video_of(made(recipe)), 3.2, 6.2, tmp_path)
    assert played.numbers == list(range(80, 155))
    assert result.clip.duration_seconds == pytest.approx(3.0, abs=1e-3)
    assert result.clip.start_seconds == pytest.approx(3.2, abs=1e-3)
    assert played.clicks == pytest.approx([0.8, 1.8, 2.8], abs=0.003)
    assert played.sound_seconds == pytest.approx((0.0, 3.0), abs=0.03)


@pytest.mark.parametrize("first", [0, 1, 24, 25, 26, 74, 130])
def test_wherever_the_keyframes_are(made: Callable[..., Path], tmp_path: Path, first: int) -> None:
    _, played = cut_out(video_of(made("h264 in mp4")), first / FPS, (first + 40) / FPS, tmp_path)
    assert played.numbers == list(range(first, first + 40))


@pytest.mark.parametrize("late", [-0.0015, 0.0015])
def test_a_boundary_that_rounding_moved_is_still_at_its_frame(made: Callable[..., Path], tmp_path: Path, late: float) -> None:
    _, played = cut_out(video_of(made("h264 in mp4")), 2.0 + late, 3.0 + late, tmp_path)
    assert played.numbers == list(range(50, 75))


def test_the_last_frame_is_shown_for_as_long_as_the_others(made: Callable[..., Path], tmp_path: Path) -> None:
    """frames   25 │26 27 … 49 50│ 51        [1.01, 2.01): picture and sound end with frame 50, at 2.04 s"""
    result, played = cut_out(video_of(made("h264 in mp4")), 1.01, 2.01, tmp_path)
    assert played.numbers == list(range(26, 51))
    assert (result.clip.start_seconds, result.clip.duration_seconds) == pytest.approx((1.04, 1.0))
    assert result.clip.fps == FPS
    with av.open(str(tmp_path / "clip.mp4")) as container:
        assert [float((one.duration or 0) * (one.time_base or 0)) for one in container.streams] == pytest.approx([1, 1], abs=1e-3)
        assert container.streams.video[0].average_rate == FPS


def test_nothing_of_it_stays_in_memory(made: Callable[..., Path], tmp_path: Path) -> None:
    """Decoders and encoders hold many pictures: they must go with the clip, and not when the next collection happens to come."""
    video = video_of(made("h264 in mp4"))
    gc.collect()
    gc.disable()
    try:
        cut_out(video, 1, 2, tmp_path)
        assert not [one for one in gc.get_objects() if type(one) in (PictureEncoder, PeakCatcher)]
    finally:
        gc.enable()


def test_a_frame_at_the_very_end_belongs_to_what_follows(made: Callable[..., Path], tmp_path: Path) -> None:
    _, played = cut_out(video_of(made("h264 in mp4")), 1.0000000001, 2.0000000001, tmp_path)
    assert played.numbers == list(range(25, 50))


def test_a_video_without_sound_makes_a_clip_without_sound(made: Callable[..., Path], tmp_path: Path) -> None:
    result, played = cut_out(video_of(made("h264 without sound")), 1, 2, tmp_path)
    assert played.numbers == list(range(25, 50))
    assert (result.clip.audio, played.sound_seconds) == (None, None)


def test_the_picture_is_the_frame_at_the_peak(made: Callable[..., Path], tmp_path: Path) -> None:
    result, _ = cut_out(video_of(made("h264 in mp4")), 1, 3, tmp_path, peak=2.04)
    assert result.picture is not None
    shown = np.asarray(result.picture.convert("L"), np.float64)
    near = [np.abs(shown - draw(number)[: shown.shape[0]]).mean() for number in range(49, 54)]
    assert int(np.argmin(near)) == 51 - 49


@pytest.mark.parametrize(("fade_seconds", "heard"), [(0.0, [0.1, 1.1]), (1.0, [1.1])])
def test_sound_fades_in_and_out(made: Callable[..., Path], tmp_path: Path, fade_seconds: float, heard: list[float]) -> None:
    """clicks at 4 s and 5 s    ├·|·········|········┤    of [3.9, 5.9) the first lies in the fade"""
    how = replace(HOW, settings=BestClips(fade_seconds=fade_seconds))
    assert cut_out(video_of(made("h264 in mp4")), 3.9, 5.9, tmp_path, how)[1].clicks == pytest.approx(heard, abs=0.02)


def still_video(path: Path, times: list[float], seconds: float) -> Video:
    """Frames at these times and no others, as screen captures have them."""
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("libx264", rate=FPS, options={"bf": "0", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 192, 96, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, at in enumerate(times):
            frame = av.VideoFrame.from_ndarray(draw(number), format="yuv420p")
            frame.pts, frame.time_base = round(at * 1000), Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return Video(path, "0" * 64, seconds, 192, 96, None, "h264", False, (Stretch(0, seconds, 0.0),))


@pytest.mark.parametrize("preset", ["ultrafast", "veryfast"])
def test_frames_keep_their_own_times(tmp_path: Path, preset: Any) -> None:
    """frames   0        1 2   3            4
    clip            ├─────────────────┤          frame 0 stands over its start"""
    video = still_video(tmp_path / "still.mkv", [0, 2.0, 2.1, 2.45, 8.0], 9.0)
    result, played = cut_out(video, 1.0, 4.0, tmp_path, replace(HOW, settings=BestClips(preset=preset)))
    assert played.numbers == [0, 1, 2, 3]
    assert played.times == pytest.approx([0, 1.0, 1.1, 1.45], abs=2e-3)
    assert result.clip.duration_seconds == pytest.approx(3.0)
    with av.open(str(tmp_path / "clip.mp4")) as container:
        stream = container.streams.video[0]
        assert float((stream.duration or 0) * (stream.time_base or 0)) == pytest.approx(3.0, abs=1e-3)


def test_a_still_picture_with_no_frame_in_the_clip_at_all(tmp_path: Path) -> None:
    video = still_video(tmp_path / "still.mkv", [0, 0.5, 9.0], 10.0)
    result, played = cut_out(video, 3.0, 6.0, tmp_path)
    assert played.numbers == [1]
    assert result.clip.duration_seconds == pytest.approx(3.0)


def numbered(path: Path, first: int, seconds: int) -> None:
    """MPEG-TS whose frames show numbers from ``first`` on; its timestamps begin where those of any other do."""
    with av.open(str(path), "w", format="mpegts") as output:
        stream: Any = output.add_stream("libx264", rate=FPS, options={"bf": "2", "preset": "ultrafast", "g": str(FPS)})
        stream.width, stream.height, stream.pix_fmt = 192, 96, "yuv420p"
        for number in range(seconds * FPS):
            frame = av.VideoFrame.from_ndarray(draw(first + number), format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def test_a_file_with_a_jump_is_read_from_its_beginning(tmp_path: Path) -> None:
    """shown   0 … 99 │ 1000 … 1099       Two recordings one after the other, each with timestamps from 1.4 s on: what is
    clip                 ├──┤             wanted of the second must not be looked for in the first."""
    numbered(tmp_path / "1.ts", 0, 4)
    numbered(tmp_path / "2.ts", 1000, 4)
    path = tmp_path / "both.ts"
    path.write_bytes((tmp_path / "1.ts").read_bytes() + (tmp_path / "2.ts").read_bytes())
    begin = video_of(tmp_path / "1.ts")
    file_seconds = begin.stretches[0].file_seconds
    stretches = (Stretch(0, 4, file_seconds), Stretch(4, 8, file_seconds))
    video = replace(begin, path=path, duration_seconds=8.0, stretches=stretches)
    assert cut_out(video, 4 + 2.0, 4 + 3.0, tmp_path)[1].numbers == list(range(1050, 1075))
    assert cut_out(video, 2.0, 3.0, tmp_path)[1].numbers == list(range(50, 75))


@pytest.mark.parametrize(
    "name",
    [
        "odd/media3_sample_rotate_and_reflect.mp4",
        "odd/media3_bbb_800x640_768kbps_30fps_avc_2b_firstpts_10_sec.mp4",
        "odd/video_with_failing_audio.mp4",
        "odd/vp6_noaudio.flv",
        "nasa_13013.mp4",
    ],
)
def test_odd_recordings(media: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    video = video_of(media(name))
    start = round(video.duration_seconds / 4 * (video.fps or 25)) / (video.fps or 25)
    result, played = cut_out(video, start, start + 0.4, tmp_path)
    assert len(played.times) == pytest.approx(0.4 * (video.fps or 25), abs=1.01)
    assert played.times[0] == 0
    assert result.picture is not None


def test_frames_that_an_edit_list_hides_may_come_before_the_first(media: Callable[[str], Path], tmp_path: Path) -> None:
    """packets  −0.47 … │0 …     the first 0.47 s are for decoding only: the video's timeline begins with them"""
    video = replace(video_of(media("odd/media3_edit_list.mp4")), stretches=(Stretch(7 / 15, 3.035, 0.0),))
    result, played = cut_out(video, 7 / 15, 1.1, tmp_path)
    assert result.clip.start_seconds == pytest.approx(7 / 15)
    assert len(played.times) == 19


def test_the_wall_clock_shows_when_it_was(media: Callable[[str], Path], tmp_path: Path) -> None:
    """Frames of srs_wallclock are told apart by their own times: every one of [60, 62) and none besides."""
    video = video_of(media("srs_wallclock_119s.flv"))
    with av.open(str(video.path)) as container:
        zero = video.stretches[0].file_seconds
        expected = [frame.time - zero for frame in container.decode(video=0) if 60 <= frame.time - zero + 1e-6 < 62]
    result, played = cut_out(video, expected[0], 62.0, tmp_path)
    assert [time + result.clip.start_seconds for time in played.times] == pytest.approx(expected, abs=2e-3)


def test_who_cancels_waits_for_nothing_and_finds_nothing(made: Callable[..., Path], tmp_path: Path) -> None:
    asked = iter([False] * 30 + [True] * 1000)
    with pytest.raises(GivenUp):
        cut_out(video_of(made("h264 in mp4")), 1, 4, tmp_path, replace(HOW, cancelled=lambda: next(asked)))
    assert list(tmp_path.iterdir()) == []


def test_a_video_that_has_gone_is_said_by_name(made: Callable[..., Path], tmp_path: Path) -> None:
    gone = replace(video_of(made("h264 in mp4")), path=tmp_path / "gone.mp4")
    with pytest.raises(ClipImpossible, match=r"gone\.mp4"):
        cut(gone, chosen(1, 2), tmp_path / "clip.mp4", HOW)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_has_gone_is_a_matter_of_the_disk(made: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(ClipWriteError, match=r"clip\.mp4"):
        cut(video_of(made("h264 in mp4")), chosen(1, 2), tmp_path / "gone" / "clip.mp4", HOW)


@pytest.mark.parametrize(
    "settings",
    [
        BestClips(stabilise="deshake"),
        BestClips(colour="normalise"),
        BestClips(stabilise="deshake", colour="normalise", height=48),
    ],
)
def test_retouching_leaves_frames_where_they_were(made: Callable[..., Path], tmp_path: Path, settings: BestClips) -> None:
    result, played = cut_out(video_of(made("h264 in mp4")), 1, 2, tmp_path, replace(HOW, settings=settings))
    assert played.times == pytest.approx([number / FPS for number in range(25)])
    assert played.lumas[0].shape == ((settings.height or 96), (settings.height or 96) * 2)
    assert (result.clip.width, result.clip.height) == (played.lumas[0].shape[1], played.lumas[0].shape[0])


def test_height_is_that_of_the_picture_as_people_see_it(media: Callable[[str], Path], tmp_path: Path) -> None:
    video = video_of(media("odd/media3_sample_rotate_and_reflect.mp4"))
    result, _ = cut_out(video, 0.0, 0.2, tmp_path, replace(HOW, settings=BestClips(height=120)))
    assert result.picture is not None
    assert result.picture.height == 120
