"""More stream than the machine can judge: the analysis thins out, and nothing else does. The whole program, with real encoders.

::

    stream     ████████████████████████████████████████   faster than it can be scored
    analysed   ███  ██  ███  ██  ███  ██  ███  ██  ███     evenly, and among channels alike
    clips             [██████████]      [██████████]       every packet, byte for byte
    lag        ╱▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔        up to its bound, and no further
"""

import contextlib
import re
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import av
import pytest

from tests.clip_reader import play
from tests.faults.flood import FPS, QUEUE_SECONDS, Program, free_urls, published, watch_until_over, watching
from tests.program import sidecars

pytestmark = pytest.mark.slow

MOST_MB = 450
"""Resident, of one small channel as of ten: about 160 where nothing is behind."""
MOST_MB_IN_4K = 900
SECONDS_A_FRAME = 0.05
GOP_SECONDS = 1.0


def packets_of(film: Path) -> dict[str, list[bytes]]:
    with av.open(str(film)) as container:
        packets: dict[str, list[bytes]] = {"video": [], "audio": []}
        for packet in container.demux():
            if packet.size:
                packets[packet.stream.type].append(bytes(packet))
    return packets


def is_cut_whole(part: Sequence[bytes], rounds: Sequence[bytes]) -> bool:
    """Are these packets, one after the other, those of a film that goes round and round?"""
    starts = [at for at, packet in enumerate(rounds) if packet == part[0]]
    return any(all(packet == rounds[(at + place) % len(rounds)] for place, packet in enumerate(part)) for at in starts)


def opened(program: Program, channel: str) -> list[str]:
    """The ids of all highlights that have ever opened; each has come to its end."""
    with contextlib.closing(sqlite3.connect(program.output / "journal.sqlite3")) as journal:
        rows = journal.execute("SELECT id, state FROM highlights WHERE channel = ?", (channel,)).fetchall()
    assert all(state == "done" for _, state in rows), rows
    return sorted(highlight for highlight, _ in rows)


def assert_clips_are_whole(program: Program, channel: str, film: Path) -> int:
    """Each highlight has its clip, with each packet of its span, byte for byte as it was sent, and all of it plays. How many."""
    sent = packets_of(film)
    folder = program.output / channel
    told = sidecars(folder)
    assert sorted(each["id"] for each in told) == opened(program, channel)
    for each in told:
        clip = play(folder / each["filename"])
        assert clip.first_is_key
        assert is_cut_whole(clip.packets["video"], sent["video"]), each["filename"]
        assert is_cut_whole(clip.packets["audio"], sent["audio"]), each["filename"]
        assert each["clip_start_time"] <= max(each["start_time"] - 2.0, 0.0) + 0.1
        assert each["clip_start_time"] + each["clip_duration"] >= each["end_time"] + 1.9
        assert all(abs(seconds) < 0.05 for seconds in clip.out_of_step_seconds())
    return len(told)


def assert_nobody_starves(program: Program) -> None:
    """What a channel's queue holds is scored and decided on in the end, however slow the machine is."""
    analysed, decided = program.last("frames_analysed"), program.last("stream_seconds")
    assert min(analysed.values()) >= (QUEUE_SECONDS - GOP_SECONDS) * FPS, analysed
    assert min(decided.values()) >= QUEUE_SECONDS - GOP_SECONDS, decided


def too_busy(why: str) -> NoReturn:
    pytest.skip(f"this machine has too much else to do: {why}")


@pytest.mark.parametrize(("sent_seconds", "pace"), [(120, 12.0), pytest.param(1800, 12.0, marks=pytest.mark.long)])
@pytest.mark.timeout(400)
def test_a_stream_that_is_scored_too_slowly_is_judged_in_part_and_its_clips_stay_whole(
    sent_seconds: int, pace: float, need_program: Callable[..., Path], made: Callable[..., Path], tmp_path: Path
) -> None:
    """Each second of stream takes a quarter of a second to score, and a twelfth to come."""
    film, (url,) = made("h264 in flv", seconds=30), free_urls(1)
    with watching(tmp_path, [url], SECONDS_A_FRAME, every=40.0, lively=12.0) as program:
        encoder = published(need_program("ffmpeg"), film, [url], pace=pace, seconds=sent_seconds)
        try:
            took_seconds = watch_until_over(program, encoder)
        finally:
            encoder.kill()
            encoder.wait()
        peak_mb = program.peak_mb()
        (name,) = program.last("lag_seconds")
        analysed, expected = program.last("frames_analysed")[name], FPS * sent_seconds
        said = program.end()

    could = took_seconds / SECONDS_A_FRAME  # so many can be scored at the most, while it comes
    if could > 0.7 * expected:
        too_busy(f"sending took it {took_seconds:.0f} s, in which all could be scored")
    slowness = max(could / analysed, 1.0)  # a quiet machine: 1.1, one with four times as much to do as it can: 2.5
    assert 2 * QUEUE_SECONDS * FPS < analysed < 0.8 * expected  # thinned out, not given up
    assert program.last("frames_dropped")[name] > 0
    assert program.most("lag_seconds") < 30 * slowness  # 20: what waits takes 1.6 s to score, in which 19 come
    assert program.last("frames")[name] >= 24.9 * sent_seconds - 5  # all: a round is a little longer than 30 s
    assert program.last("packets_lost")[name] == 0
    assert program.most("ring_seconds") < 110  # 90, and what the cutter is behind
    assert peak_mb < MOST_MB
    if not assert_clips_are_whole(program, name, film) and slowness > 2:
        too_busy("it has judged nothing that was lively")
    assert opened(program, name)
    assert said.count("analysis cannot keep up") == 1
    assert re.search(r"analysis was behind: \d+ packets were kept for clips but not analysed", said)


@pytest.mark.parametrize(
    ("sent_seconds", "pace", "least_share"), [(29, 4.0, None), pytest.param(252, 1.0, 0.3, marks=pytest.mark.long)]
)
@pytest.mark.timeout(400)
def test_of_ten_channels_that_are_too_many_each_has_its_share_and_its_clips_whole(
    sent_seconds: int,
    pace: float,
    least_share: float | None,
    need_program: Callable[..., Path],
    made: Callable[..., Path],
    tmp_path: Path,
) -> None:
    """All ten together take four times as long to score as to come.

    Pictures are dropped a GOP at a time, and whose GOPs fall well gets more, for as long as they do: 0.4 of the most is the least
    that was seen over minutes. Half a minute holds a handful of GOPs of each, and is uneven by itself.
    """
    film, urls = made("h264 in flv", seconds=30), free_urls(10)
    with watching(tmp_path, urls, 0.08 / pace, every=16.0, lively=6.0) as program:
        encoder = published(need_program("ffmpeg"), film, urls, pace=pace, seconds=sent_seconds)
        try:
            watch_until_over(program, encoder)
        finally:
            encoder.kill()
            encoder.wait()
        peak_mb = program.peak_mb()
        said = program.end()

    analysed = program.last("frames_analysed")
    assert len(analysed) == 10
    if sum(program.last("frames_dropped").values()) == 0:
        too_busy("it cannot even send ten streams too quickly")
    assert_nobody_starves(program)
    if least_share is not None:
        assert min(analysed.values()) >= least_share * max(analysed.values()), analysed
    assert set(program.last("packets_lost").values()) == {0}
    assert peak_mb < MOST_MB
    assert "10 channels: watched" in said
    if sum(assert_clips_are_whole(program, name, film) for name in analysed) == 0:
        assert sum(analysed.values()) < 5 * len(analysed) * FPS, "five GOPs of each, and nothing lively among them"
        too_busy("it has judged hardly anything")


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_stream_that_is_decoded_too_slowly_is_judged_in_part_and_its_clips_stay_whole(
    need_program: Callable[..., Path], tmp_path: Path
) -> None:
    """4K60 without a picture that could be left out, twice as fast as life, one thread to decode it."""
    ffmpeg, film, (url,) = need_program("ffmpeg"), tmp_path / "large.flv", free_urls(1)
    made = ["-f", "lavfi", "-i", "testsrc2=s=3840x2160:r=60:d=6", "-f", "lavfi", "-i", "sine=r=48000:d=6", "-c:a", "aac"]
    made += ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "60", "-pix_fmt", "yuv420p"]
    subprocess.run([str(ffmpeg), "-v", "error", "-nostdin", *made, str(film)], check=True, timeout=200)
    with watching(tmp_path, [url], 0.0, every=40.0, lively=12.0, analysis={"threads": 1}) as program:
        encoder = published(ffmpeg, film, [url], pace=2.0, seconds=80)
        try:
            watch_until_over(program, encoder)
        finally:
            encoder.kill()
            encoder.wait()
        peak_mb = program.peak_mb()
        (name,) = program.last("lag_seconds")
        said = program.end()

    assert program.last("frames_dropped")[name] > 0
    assert program.last("frames_analysed")[name] > 20
    assert program.most("lag_seconds") < 20
    assert program.last("packets_lost")[name] == 0
    assert peak_mb < MOST_MB_IN_4K
    assert said.count("analysis cannot keep up") == 1
    sent = packets_of(film)
    told = sidecars(program.output / name)
    assert told
    for each in told:
        with av.open(str(program.output / name / each["filename"])) as clip:
            packets = [bytes(packet) for packet in clip.demux(video=0) if packet.size]
        assert is_cut_whole(packets, sent["video"])
        assert len(packets) == pytest.approx(each["clip_duration"] * 60, abs=12)  # the sound may end later
