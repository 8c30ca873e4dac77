"""Streams that are damaged, start anywhere, lack what they need or ask for too much, through the whole program.

What the source still shows, the clip shows; what is lost is said; nothing hangs, crashes or takes memory without bound.
"""

import contextlib
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import av
import av.error
import pytest

from benchmarks.paired import Watched
from tests.changing_media import encode, joined, with_size
from tests.clip_reader import play
from tests.media_maker import FPS
from tests.program import LIGHT, Done, files, run, script, sidecars, start

TS_BYTES = 188
MOST_MB = 700
"""Far more than the program takes, far less than one picture of 16000 x 16000 and what it refers to."""


def watch(stream: Path, folder: Path, *lively: tuple[float, float], **sections: dict[str, object]) -> Done:
    return run("--stream", stream, "--output", folder / "out", "--config", script(folder, lively, **sections), *LIGHT)


def shown(path: Path) -> int:
    """How many whole pictures come out of it."""
    pictures = 0
    with av.open(str(path)) as container, contextlib.suppress(IndexError):  # PyAV's end where damage looks like more streams
        for packet in container.demux(container.streams.video[0]):
            with contextlib.suppress(av.error.FFmpegError):
                pictures += sum(not frame.is_corrupt for frame in packet.decode())
    return pictures


def flipped(data: bytes, chance: random.Random, *, every_bytes: int, head_bytes: int) -> bytes:
    damaged = bytearray(data)
    for _ in range(len(data) // every_bytes):
        damaged[chance.randrange(head_bytes, len(data))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def thinned(data: bytes, chance: random.Random, *, share: float) -> bytes:
    packets = [data[at : at + TS_BYTES] for at in range(0, len(data), TS_BYTES)]
    return b"".join(packet for index, packet in enumerate(packets) if index < 40 or chance.random() > share)


DAMAGES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "bits flipped in MPEG-TS": ("h264 in ts", lambda data: flipped(data, random.Random(1), every_bytes=700, head_bytes=9000)),
    "bits flipped in FLV": ("h264 in flv", lambda data: flipped(data, random.Random(2), every_bytes=1500, head_bytes=3000)),
    "one in thirty packets of MPEG-TS lost": ("h264 in ts", lambda data: thinned(data, random.Random(3), share=0.03)),
    "HEVC with packets lost": ("hevc with open gops in ts", lambda data: thinned(data, random.Random(4), share=0.02)),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_stream_still_gives_its_clip(name: str, made: Callable[..., Path], tmp_path: Path) -> None:
    recipe, damage = DAMAGES[name]
    source = made(recipe)
    stream = tmp_path / f"damaged{source.suffix}"
    stream.write_bytes(damage(source.read_bytes()))

    done = watch(stream, tmp_path, (2.0, 5.0))

    assert done.code == 0, done.lines_said
    assert "Traceback" not in done.lines_said
    clips = [each for each in sidecars(tmp_path / "out" / "damaged") if each["clip"] is not None]
    assert clips, done.lines_said
    lasts = sum(each["clip_duration"] for each in clips)
    seen = sum(shown(tmp_path / "out" / "damaged" / each["filename"]) for each in clips)
    assert seen >= 0.9 * min(lasts * FPS, shown(stream) * lasts / 8)


def test_a_stream_joined_between_keyframes_begins_with_the_next(made: Callable[..., Path], tmp_path: Path) -> None:
    data = made("h264 in ts").read_bytes()
    stream = tmp_path / "joined.ts"
    stream.write_bytes(data[len(data) // 5 // TS_BYTES * TS_BYTES :])
    done = watch(stream, tmp_path, (2.0, 4.0))
    assert done.code == 0
    (told,) = sidecars(tmp_path / "out" / "joined")
    clip = play(tmp_path / "out" / "joined" / told["filename"])
    assert clip.first_is_key
    assert clip.numbers == list(range(clip.numbers[0], clip.numbers[0] + len(clip.numbers)))


@pytest.mark.parametrize(("sound", "left"), [(True, "its sound"), (False, "nothing")])
def test_ten_minutes_without_a_keyframe(sound: bool, left: str, need_program: Callable[..., Path], tmp_path: Path) -> None:
    """The ring has long dropped the only one: a highlight has its sound where there is any, and says what it lacks."""
    stream = tmp_path / "endless.ts"
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=2:d=600")
    tone = ("-f", "lavfi", "-i", "sine=r=8000:d=600", "-c:a", "aac", "-b:a", "16k") if sound else ()
    encoder = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "100000", "-keyint_min", "100000", "-sc_threshold", "0")
    command = [str(need_program("ffmpeg")), "-v", "error", *picture, *tone, *encoder, str(stream)]
    subprocess.run(command, check=True)

    done = watch(stream, tmp_path, (550.0, 556.0), ring={"seconds": 30.0})

    assert done.code == 0
    (told,) = sidecars(tmp_path / "out" / "endless") or [None]
    if left == "nothing":
        assert told is None or told["clip"] is None
        assert "the packet ring" in done.lines_said
    else:
        assert told is not None, done.lines_said
        assert told["clip"]["codec"] is None
        assert told["clip"]["audio"] == "aac"
        assert 6.0 <= told["clip_duration"] <= 20.0
        assert "its picture is missing" in told["clip_reason"]


@pytest.mark.parametrize("stops", ["picture", "sound"])
def test_one_kind_stops_for_a_minute_and_comes_back(
    stops: str, need_program: Callable[..., Path], made: Callable[..., Path], tmp_path: Path
) -> None:
    """The other one is judged and cut all the while; afterwards the clip has both again."""
    ffmpeg = need_program("ffmpeg")
    tone = ("-f", "lavfi", "-i", "sine=r=48000:d=60", "-ac", "2")
    source = made("h264 in ts")
    copies = ("-c", "copy")
    hole = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
    begin = encode(ffmpeg, source, tmp_path / "a.ts", *copies, from_seconds=0)
    if stops == "picture":
        middle = tmp_path / "m.ts"
        command = [
            str(ffmpeg),
            "-v",
            "error",
            *tone,
            "-c:a",
            "aac",
            "-streamid",
            "0:257",
            "-output_ts_offset",
            "8",
            "-muxdelay",
            "0",
            str(middle),
        ]
        subprocess.run(command, check=True)
    else:
        middle = encode(ffmpeg, source, tmp_path / "m.ts", *hole, "-an", "-vf", "loop=6:200,setpts=N/25/TB", from_seconds=8)
    end = encode(ffmpeg, source, tmp_path / "z.ts", *copies, from_seconds=68)
    stream = joined(tmp_path / "halves.ts", [begin, middle, end])

    done = watch(stream, tmp_path, (40.0, 44.0), (70.0, 74.0), ring={"seconds": 40.0})

    assert done.code == 0, done.lines_said
    told = sidecars(tmp_path / "out" / "halves")
    assert told[-1]["clip"]["codec"] == "h264", done.lines_said
    assert told[-1]["clip"]["audio"] == "aac"
    clip = play(tmp_path / "out" / "halves" / told[-1]["filename"])
    assert len(clip.lumas) > 4 * FPS
    assert all(abs(seconds) < 0.05 for seconds in clip.out_of_step_seconds())


# ---- too large -------------------------------------------------------------------------------------------------------


def enlarged(source: Path, target: Path, *, from_seconds: float, with_sound: bool) -> Path:
    """The stream, whose keyframes from then on say that they are 16000 x 16000 pixels."""
    with av.open(str(source)) as container, av.open(str(target), "w", format="mpegts") as output:
        kept = [stream for stream in container.streams if with_sound or stream.type == "video"]
        streams = {stream.index: output.add_stream_from_template(stream) for stream in kept}
        for packet in container.demux(kept):
            if packet.dts is None:
                continue
            data = bytes(packet)
            if packet.stream.type == "video" and packet.is_keyframe and packet.pts * packet.time_base >= from_seconds:
                data = with_size(data, 16000, 16000)
            copy = av.Packet(data)
            copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
            copy.is_keyframe, copy.stream = packet.is_keyframe, streams[packet.stream_index]
            output.mux(copy)
    return target


@pytest.mark.skipif(not Path("/proc").exists(), reason="asks the system how much memory a process took")
@pytest.mark.parametrize("from_seconds", [0.0, 4.0])
def test_a_picture_that_asks_for_gigabytes_gets_none(from_seconds: float, made: Callable[..., Path], tmp_path: Path) -> None:
    """From the beginning, and in the middle: the sound is judged, one line says why, and the clip has it."""
    stream = enlarged(made("h264 in ts"), tmp_path / "bomb.ts", from_seconds=from_seconds, with_sound=True)
    settings = script(tmp_path, [(2.0, 3.5)])
    arguments = ("--stream", stream, "--output", tmp_path / "out", "--config", settings, *LIGHT)
    program = start(*arguments, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    cost = Watched(program, time.perf_counter()).wait()  # raises for another exit code than 0
    said = cost.said
    assert said.count("source.max_megapixels") == 1
    assert cost.peak_mb is not None
    assert cost.peak_mb < MOST_MB
    assert "watched 0:08 of bomb" in said or "watched 0:07 of bomb" in said
    assert sidecars(tmp_path / "out" / "bomb")


def test_a_picture_that_is_too_large_and_has_no_sound_is_refused_in_one_line(made: Callable[..., Path], tmp_path: Path) -> None:
    stream = enlarged(made("h264 in ts"), tmp_path / "bomb.ts", from_seconds=0.0, with_sound=False)
    done = watch(stream, tmp_path)
    assert done.code == 1
    (error,) = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert "16000x16000" in error
    assert "source.max_megapixels" in error


def test_the_limit_can_be_lowered(made: Callable[..., Path], tmp_path: Path) -> None:
    done = watch(made("h264 in ts"), tmp_path, source={"max_megapixels": 0.01})
    assert done.code == 0
    assert "a picture of 192x96 is over source.max_megapixels (0.01)" in done.lines_said
    assert "the stream has no picture" in done.lines_said


# ---- no stream at all ------------------------------------------------------------------------------------------------


def test_bytes_that_look_like_sound_and_are_none_are_no_success(tmp_path: Path) -> None:
    """ADTS headers in front of noise: FFmpeg opens it, and not one packet can be decoded."""
    chance = random.Random(92)
    frame = b"\xff\xf1\x4c\x80\x10\x1f\xfc"  # 128 bytes each
    stream = tmp_path / "noise.aac"
    stream.write_bytes(b"".join(frame + b"\xff" + chance.randbytes(120) for _ in range(400)))
    done = watch(stream, tmp_path)
    assert done.code == 1, done.lines_said
    assert len([line for line in done.err.splitlines() if line.startswith("error: ")]) == 1
    assert not [name for name in files(tmp_path / "out") if name.endswith((".mp4", ".mkv"))]
