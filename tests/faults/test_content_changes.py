"""The stream becomes another one in the middle of a connection, through the whole program:

first part   │ second part           a highlight in each, and each one's clip on its own side
──▁▁██▁▁─────┼──▁▁██▁▁─────
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from tests.changing_media import encode, joined
from tests.clip_reader import Played, play
from tests.media_maker import FPS, HEIGHT, WIDTH, number_of
from tests.program import LIGHT, run, script, sidecars

SECONDS = 8
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-bf", "2", "-c:a", "aac")
TWICE = ("-vf", f"scale={2 * WIDTH}:{2 * HEIGHT}:flags=neighbor")


@dataclass(frozen=True)
class Switch:
    """How the second half is encoded and, of each half's clip, codec, width, sound and the size of a block's pixel."""

    suffix: str
    second: tuple[str, ...]
    width: int = WIDTH
    codec: str = "h264"
    first: tuple[str, ...] = X264
    first_has_sound: bool = True


SWITCHES = {
    "another size, in MPEG-TS": Switch(".ts", (*X264, *TWICE), width=2 * WIDTH),
    "another size, in FLV": Switch(".flv", (*X264, *TWICE), width=2 * WIDTH),
    "another rate and fewer channels, in MPEG-TS": Switch(".ts", (*X264, "-ar", "32000", "-ac", "1")),
    "another rate and fewer channels, in FLV": Switch(".flv", (*X264, "-ar", "22050", "-ac", "1")),
    "size and sound at once, in MPEG-TS": Switch(".ts", (*X264, *TWICE, "-ar", "32000", "-ac", "1"), width=2 * WIDTH),
    "another pixel format, in MPEG-TS": Switch(".ts", (*X264, "-pix_fmt", "yuv444p")),
    "HEVC after H.264, in MPEG-TS": Switch(
        ".ts",
        ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=25:log-level=none", "-c:a", "aac"),
        codec="hevc",
    ),
    "sound that begins late, in MPEG-TS": Switch(".ts", X264, first=(*X264, "-an"), first_has_sound=False),
}


@pytest.fixture
def ffmpeg(need_program: Callable[..., Path]) -> Path:
    return need_program("ffmpeg")


@pytest.mark.parametrize("name", SWITCHES)
def test_clips_on_both_sides_are_whole_and_in_step(name: str, ffmpeg: Path, made: Callable[..., Path], tmp_path: Path) -> None:
    switch, source = SWITCHES[name], made("h264 in ts", seconds=SECONDS)
    first = encode(ffmpeg, source, tmp_path / f"a{switch.suffix}", *switch.first, from_seconds=0)
    second = encode(ffmpeg, source, tmp_path / f"b{switch.suffix}", *switch.second, from_seconds=SECONDS)
    stream = joined(tmp_path / f"switching{switch.suffix}", [first, second])
    rolls = {"pre_roll_seconds": 1.0, "post_roll_seconds": 1.0}
    settings = script(tmp_path, [(3.0, 5.0)], clip=rolls, finishing={"steps": []})  # which would go on to the very seam

    done = run("--stream", stream, "--output", tmp_path / "out", "--config", settings, *LIGHT)

    assert done.code == 0, done.lines_said
    assert "Traceback" not in done.lines_said
    told = sidecars(tmp_path / "out" / "switching")
    clips = [play(tmp_path / "out" / "switching" / each["filename"]) for each in told]
    assert len(clips) == 2, done.lines_said
    for each, clip, width, codec in zip(told, clips, (WIDTH, switch.width), ("h264", switch.codec), strict=True):
        assert each["clip"]["codec"] == codec
        assert {luma.shape for luma in clip.lumas} == {(HEIGHT * width // WIDTH, width)}
        assert each["clip"]["width"] == width
        assert_unbroken(clip, width // WIDTH)
    assert (told[0]["clip"]["audio"] is not None) == switch.first_has_sound
    assert told[1]["clip"]["audio"] == "aac"
    assert clips[1].clicks


def test_pictures_of_another_codec_get_into_no_clip_of_the_one_before(
    ffmpeg: Path, made: Callable[..., Path], tmp_path: Path
) -> None:
    """FFmpeg goes on to look at it as H.264, takes HEVC's first keyframe for a part of the last picture, and misses it.

    H.264 ──────────[══]│···HEVC [══]──────     until HEVC's next keyframe there is sound alone
    """
    switch, source = SWITCHES["HEVC after H.264, in MPEG-TS"], made("h264 in ts", seconds=SECONDS)
    first = encode(ffmpeg, source, tmp_path / "a.ts", *switch.first, from_seconds=0)
    second = encode(ffmpeg, source, tmp_path / "b.ts", *switch.second, from_seconds=SECONDS)
    stream = joined(tmp_path / "switching.ts", [first, second])
    settings = script(tmp_path, [(5.0, 8.0), (8.5, 11.0)], clip={"pre_roll_seconds": 2.0, "post_roll_seconds": 1.0})

    done = run("--stream", stream, "--output", tmp_path / "out", "--config", settings, *LIGHT)

    assert done.code == 0, done.lines_said
    told = sidecars(tmp_path / "out" / "switching")
    before, after = (tmp_path / "out" / "switching" / each["filename"] for each in told)
    assert_unbroken(play(after), 1)
    with av.open(str(before)) as clip:
        lumas = [frame.to_ndarray(format="gray") for frame in clip.decode(video=0)]
        clip.seek(0)
        assert sum(packet.size > 0 for packet in clip.demux(video=0)) == len(lumas)
    assert number_of(lumas[-1]) == SECONDS * FPS - 1
    assert "could not be decoded" not in done.out


def assert_unbroken(clip: Played, scale: int) -> None:
    """Frames that follow each other, and clicks where the picture says that they should be."""
    numbers = [number_of(luma[::scale, ::scale]) for luma in clip.lumas]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    shown_later = numbers[0] / FPS - clip.times[0]
    assert all(abs((click + shown_later + 0.5) % 1.0 - 0.5) < 0.05 for click in clip.clicks)


def test_an_encoder_that_only_says_the_same_in_other_words_begins_nothing_new(
    ffmpeg: Path, made: Callable[..., Path], tmp_path: Path
) -> None:
    """Size, codec and pixels are the same: decoder and clip go on, and so does the highlight that lies across."""
    source = made("h264 in ts", seconds=SECONDS)
    first = encode(ffmpeg, source, tmp_path / "a.ts", *X264, from_seconds=0)
    second = encode(ffmpeg, source, tmp_path / "b.ts", *X264, "-coder", "1", "-level", "4.2", from_seconds=SECONDS + 0.04)
    stream = joined(tmp_path / "restarted.ts", [first, second])
    settings = script(tmp_path, [(7.0, 9.0)], clip={"pre_roll_seconds": 1.0, "post_roll_seconds": 1.0})

    done = run("--stream", stream, "--output", tmp_path / "out", "--config", settings, *LIGHT)

    assert done.code == 0
    assert " parts for " not in done.out
    (told,) = sidecars(tmp_path / "out" / "restarted")
    numbers = play(tmp_path / "out" / "restarted" / told["filename"]).numbers
    assert {0, SECONDS * FPS - 1} <= set(numbers)  # the last of the one, the first of the other


def test_a_stream_that_changes_with_each_keyframe_is_not_cut_to_pieces(
    ffmpeg: Path, made: Callable[..., Path], tmp_path: Path
) -> None:
    """At most six times within a minute; what comes above that is left out, and said once."""
    source = made("h264 in ts", seconds=SECONDS)
    parts = [
        encode(ffmpeg, source, tmp_path / f"{n}.ts", *X264, "-t", "1", *(TWICE if n % 2 else ()), from_seconds=n)
        for n in range(10)
    ]
    stream = joined(tmp_path / "restless.ts", parts)

    done = run("--stream", stream, "--output", tmp_path / "out", "--config", script(tmp_path, []), *LIGHT)

    assert done.code == 0
    assert "in 7 parts" in done.out, done.out
    assert done.lines_said.count("not every change begins a new part") == 1
