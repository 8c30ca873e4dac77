"""More stream than the machine can judge: the analysis thins out, and nothing else does. The whole program, with real encoders.

::

    stream     ████████████████████████████████████████   faster than it can be scored
    analysed   ███  ██  ███  ██  ███  ██  ███  ██  ███     evenly, and among channels alike
    clips             [██████████]      [██████████]       every packet, byte for byte
    lag        ╱▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔        up to its bound, and no further
"""

import contextlib
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import pytest

from tests.clip_reader import play
from tests.faults.watched import DEADLINE_SECONDS, QUICK, wait_until
from tests.program import LIGHT, script, sidecars, start

pytestmark = pytest.mark.slow

MOST_MB = 450
"""Resident, of one small channel as of ten: about 160 where nothing is behind."""
MOST_MB_IN_4K = 900
LOOK_SECONDS = 0.1
SETTLED_LOOKS = 20
"""So many looks in a row that are alike: nothing more comes."""
_SAMPLE = re.compile(r'^clip_highlights_(\w+?)(?:_total)?\{channel="([^"]+)"\} (\S+)$', re.MULTILINE)


@dataclass
class Program:
    """``samples``: what /metrics said, look by look: {(name, channel): value}."""

    process: "subprocess.Popen[bytes]"
    output: Path
    log: Path
    samples: list[dict[tuple[str, str], float]] = field(default_factory=list)
    _url: str = ""

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def look(self) -> dict[tuple[str, str], float]:
        """The numbers without labels of their own, once there is a port to ask."""
        assert self.process.poll() is None, self.said
        if not self._url:
            found = re.search(r"serves /metrics.* address=(\S+)", self.said)
            if found is None:
                return {}
            self._url = f"http://{found[1]}/metrics"
        with urllib.request.urlopen(self._url, timeout=60) as answer:
            text = answer.read().decode()
        self.samples.append({(name, channel): float(value) for name, channel, value in _SAMPLE.findall(text)})
        return self.samples[-1]

    def most(self, name: str) -> float:
        return max(value for sample in self.samples for (known, _), value in sample.items() if known == name)

    def last(self, name: str) -> dict[str, float]:
        return {channel: value for (known, channel), value in self.samples[-1].items() if known == name}

    def peak_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii", errors="replace")
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    def end(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.said
        return self.said


@contextlib.contextmanager
def watching(
    folder: Path,
    urls: Sequence[str],
    seconds_a_frame: float,
    *,
    every: float,
    lively: float,
    analysis: dict[str, Any] | None = None,
) -> Iterator[Program]:
    """It waits for an encoder at each of the addresses."""
    options = {"seconds_a_frame": seconds_a_frame, "every_seconds": every, "lively_seconds": lively}
    sections: dict[str, dict[str, Any]] = {
        **QUICK,
        "motion": {"kind": "tests.faults.slow_parts:SlowScorer"},
        "motion.options": options,
        "analysis": {"queue_seconds": 2.0, **(analysis or {})},
        "window": {"length_seconds": 2.0, "hop_seconds": 0.5},
        "clip": {"pre_roll_seconds": 2.0, "post_roll_seconds": 2.0},
    }
    config = script(folder, [], **sections)
    config.write_text(config.read_text().replace("lively = []\n", ""))
    streams = [word for url in urls for word in ("--stream", f"listen:{url}")]
    with (folder / "log.txt").open("wb") as said:
        process = start(
            *streams, *("--output", folder / "out", "--config", config, "--metrics", "127.0.0.1:0"), *LIGHT,
            stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
        )  # fmt: skip
    program = Program(process, folder / "out", folder / "log.txt")
    try:
        wait_until(lambda: program.said.count("waiting for an encoder") >= len(urls), "it listens")
        yield program
    finally:
        process.kill()
        process.wait()


def published(ffmpeg: Path, film: Path, urls: Sequence[str], *, pace: float, seconds: float) -> "subprocess.Popen[bytes]":
    """The film round and round to all of them, ``pace`` seconds of stream a second."""
    command = [ffmpeg, "-v", "error", "-nostdin", "-readrate", pace, "-stream_loop", "-1", "-i", film]
    for url in urls:
        command += ["-map", "0", "-c", "copy", "-t", seconds, "-f", "flv", url]
    return subprocess.Popen([str(word) for word in command], stderr=subprocess.DEVNULL)


def free_urls(count: int) -> list[str]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [f"rtmp://127.0.0.1:{probe.getsockname()[1]}/live/channel-{place}" for place, probe in enumerate(probes)]


def watch_until_over(program: Program, encoder: "subprocess.Popen[bytes]") -> None:
    """Looks on until the encoder has sent all, and whatever of it is judged at all is decided on."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while encoder.poll() is None:
        program.look()
        time.sleep(LOOK_SECONDS)
        deadline = time.monotonic() + DEADLINE_SECONDS
    decided: list[dict[str, float]] = []
    while len(decided) < SETTLED_LOOKS or decided[-SETTLED_LOOKS] != decided[-1]:
        assert time.monotonic() < deadline, program.said
        program.look()
        decided.append(program.last("stream_seconds"))
        time.sleep(LOOK_SECONDS)


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


def assert_clips_are_whole(folder: Path, film: Path, at_least: int) -> None:
    """Each packet of each clip's span is in it, byte for byte as it was sent, and all of it plays."""
    sent = packets_of(film)
    told = sidecars(folder)
    assert len(told) >= at_least
    for each in told:
        clip = play(folder / each["filename"])
        assert clip.first_is_key
        assert is_cut_whole(clip.packets["video"], sent["video"]), each["filename"]
        assert is_cut_whole(clip.packets["audio"], sent["audio"]), each["filename"]
        assert each["clip_start_time"] <= max(each["start_time"] - 2.0, 0.0) + 0.1
        assert each["clip_start_time"] + each["clip_duration"] >= each["end_time"] + 1.9
        assert all(abs(seconds) < 0.05 for seconds in clip.out_of_step_seconds())


@pytest.mark.parametrize(("sent_seconds", "pace"), [(120, 12.0), pytest.param(1800, 12.0, marks=pytest.mark.long)])
@pytest.mark.timeout(400)
def test_a_stream_that_is_scored_too_slowly_is_judged_in_part_and_its_clips_stay_whole(
    sent_seconds: int, pace: float, need_program: Callable[..., Path], made: Callable[..., Path], tmp_path: Path
) -> None:
    """Each second of stream takes a quarter of a second to score, and a twelfth to come."""
    film, (url,) = made("h264 in flv", seconds=30), free_urls(1)
    with watching(tmp_path, [url], 0.05, every=40.0, lively=12.0) as program:
        encoder = published(need_program("ffmpeg"), film, [url], pace=pace, seconds=sent_seconds)
        try:
            watch_until_over(program, encoder)
        finally:
            encoder.kill()
            encoder.wait()
        peak_mb = program.peak_mb()
        (name,) = program.last("lag_seconds")
        analysed, expected = program.last("frames_analysed")[name], 5 * sent_seconds
        said = program.end()

    assert 0.1 * expected < analysed < 0.8 * expected  # thinned out, not given up
    assert program.last("frames_dropped")[name] > 0
    assert program.most("lag_seconds") < 60  # without a bound: 80 in the short form, 1200 in the long one
    assert (
        program.last("frames")[name] >= 24.9 * sent_seconds - 5
    )  # all have reached the ring; a round is a little longer than 30 s
    assert program.last("packets_lost")[name] == 0
    assert program.most("ring_seconds") < 100
    assert peak_mb < MOST_MB
    assert_clips_are_whole(program.output / name, film, at_least=sent_seconds // 60)
    assert said.count("analysis cannot keep up") == 1
    assert re.search(r"analysis was behind: \d+ packets were kept for clips but not analysed", said)


@pytest.mark.parametrize(
    ("sent_seconds", "pace", "least_share"), [(29, 4.0, 0.2), pytest.param(252, 1.0, 0.3, marks=pytest.mark.long)]
)
@pytest.mark.timeout(400)
def test_of_ten_channels_that_are_too_many_each_has_its_share_and_its_clips_whole(
    sent_seconds: int,
    pace: float,
    least_share: float,
    need_program: Callable[..., Path],
    made: Callable[..., Path],
    tmp_path: Path,
) -> None:
    """All ten together take four times as long to score as to come.

    Pictures are dropped a GOP at a time, and whose GOPs fall well gets more, for as long as they do: 0.4 of the most is the least
    that was seen over minutes. Half a minute is uneven by itself; that nobody starves is seen all the same.
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
        pytest.skip("this machine is so busy that it cannot even send ten streams too quickly")
    assert min(analysed.values()) >= least_share * max(analysed.values()), analysed
    assert set(program.last("packets_lost").values()) == {0}
    assert peak_mb < MOST_MB
    for name in analysed:
        assert_clips_are_whole(program.output / name, film, at_least=max(sent_seconds // 48, 1))
    assert "10 channels: watched" in said


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
