"""The demo: its game, and its way over the network to ourselves."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stream_processor.contracts import Demuxer
from stream_processor.errors import SourceEnded, SourceUnusable
from stream_processor.settings import SourceSettings
from stream_processor.sources.demo import DEMO_BURSTS, DEMO_SECONDS, DemoSource
from stream_processor.sources.demo_game import HEIGHT, WIDTH, burst_at, enemies
from stream_processor.sources.demo_picture import GamePicture
from stream_processor.sources.demo_sound import SAMPLE_RATE, GameSound
from tests.sources.media_files import MILLISECOND, times

PROMPT_SECONDS = 5.0


def test_the_bursts_lie_apart_within_the_game() -> None:
    assert DEMO_SECONDS >= 240
    assert len(DEMO_BURSTS) >= 4
    ends = [0.0]
    for start, end, why in DEMO_BURSTS:
        assert start - ends[-1] > 30
        assert 6 <= end - start <= 12
        assert why
        ends.append(end)
    assert ends[-1] < DEMO_SECONDS


def test_the_game_is_the_same_every_time() -> None:
    for seconds in (3.0, 44.0, 155.48):
        assert np.array_equal(GamePicture().frame(seconds), GamePicture().frame(seconds))
        first = round(seconds * SAMPLE_RATE)
        assert np.array_equal(GameSound().samples(first, 1764), GameSound().samples(first, 1764))


def test_a_frame_is_i420_and_the_sound_stays_within_full_scale() -> None:
    frame = GamePicture().frame(44.0)
    loudest = max(float(np.abs(GameSound().samples(second * SAMPLE_RATE, SAMPLE_RATE)).max()) for second in range(42, 50))

    assert frame.shape == (HEIGHT * 3 // 2, WIDTH)
    assert frame.dtype == np.uint8
    assert 0.3 < loudest <= 1.0


def test_bursts_are_livelier_than_every_calm_second_in_picture_and_sound_and_calm_is_not_still() -> None:
    picture, sound = GamePicture(), GameSound()
    change: dict[bool, list[float]] = {True: [], False: []}
    loudness: dict[bool, list[float]] = {True: [], False: []}
    for second in range(2, int(DEMO_SECONDS), 2):
        here, soon = (picture.frame(second + 0.5 + offset)[:HEIGHT].astype(np.int16) for offset in (0.0, 0.2))
        is_burst = all(burst_at(second + reach) is not None for reach in (-1.0, 0.0, 0.999))
        is_calm = all(burst_at(second + reach) is None for reach in (-1.0, 0.0, 1.0))
        if is_burst or is_calm:
            change[is_burst].append(float(np.abs(here - soon).mean()))
            loudness[is_burst].append(float(np.sqrt(np.mean(sound.samples(second * SAMPLE_RATE, SAMPLE_RATE) ** 2))))

    assert min(change[True]) > 2 * max(change[False])
    assert min(loudness[True]) > 2 * max(loudness[False])
    assert min(change[False]) > 0.1
    assert min(loudness[False]) > 0.005


def test_no_enemy_of_a_burst_outlives_it() -> None:
    ends = {index: end for index, (_, end, _) in enumerate(DEMO_BURSTS)}
    hunted = [enemy for enemy in enemies() if enemy.in_burst]

    assert len(hunted) > 150
    assert all(enemy.dies <= ends[burst_at(enemy.born)] + 0.1 for enemy in hunted)  # type: ignore[index]


# ---- over the network -----------------------------------------------------------------------------------------------


def test_the_demo_arrives_whole_with_picture_and_sound_and_has_then_ended() -> None:
    source = DemoSource(SourceSettings(), seconds=8)

    demuxer = source.open()
    packets = list(demuxer.packets())
    demuxer.close()

    video = [packet for packet in packets if packet.kind == "video"]
    audio = [packet for packet in packets if packet.kind == "audio"]
    assert demuxer.media.video is not None
    assert demuxer.media.audio is not None
    assert (demuxer.media.video.codec, demuxer.media.audio.codec) == ("h264", "aac")
    assert len(video) == 8 * 25
    assert times(packets, "video") == pytest.approx([number / 25 for number in range(8 * 25)], abs=MILLISECOND / 2)
    assert sum(packet.is_key for packet in video) == 4
    assert len(audio) == pytest.approx(8 * SAMPLE_RATE / 1024, abs=3)
    with pytest.raises(SourceEnded):
        source.open()


def test_nothing_is_lost_when_the_reader_is_slow() -> None:
    #  reader   one packet ..... waits until the publisher is held back ..... the rest
    source = DemoSource(SourceSettings(), seconds=20)
    packets = source.open().packets()
    next(packets)
    publisher = source._publisher
    assert publisher is not None
    begin = time.monotonic()
    while publisher.poll() is None and time.monotonic() - begin < 2:
        time.sleep(0.05)

    rest = list(packets)

    assert sum(packet.kind == "video" for packet in rest) in (20 * 25 - 1, 20 * 25)
    source.close()


def _read_on(demuxer: Demuxer) -> Callable[[], None]:
    return lambda: sum(1 for _ in demuxer.packets()) and None


def test_the_demo_can_be_stopped_at_once() -> None:
    source = DemoSource(SourceSettings())
    reader = threading.Thread(target=_read_on(source.open()))
    reader.start()

    begin = time.monotonic()
    source.close()
    reader.join(PROMPT_SECONDS)

    assert time.monotonic() - begin < PROMPT_SECONDS
    assert not reader.is_alive()
    assert source._publisher is not None
    assert source._publisher.poll() is not None
    with pytest.raises(SourceEnded):
        source.open()


@pytest.mark.skipif(sys.platform == "win32", reason="there, to terminate is to kill")
def test_a_publisher_that_will_not_hear_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deaf_publisher.py").write_text(
        """
import signal
from stream_processor.sources.demo_publisher import main
signal.signal(signal.SIGTERM, signal.SIG_IGN)
try:
    main()
finally:
    signal.pause()
"""
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setattr("stream_processor.sources.demo._PUBLISHER", "deaf_publisher")
    monkeypatch.setattr("stream_processor.sources.demo._GOODBYE_SECONDS", 0.5)
    source = DemoSource(SourceSettings())
    next(source.open().packets())

    source.close()

    assert source._publisher is not None
    assert source._publisher.poll() == -signal.SIGKILL


def test_a_publisher_that_fails_is_an_error_not_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream_processor.sources.demo._PUBLISHER", "stream_processor.no_such_publisher")
    source = DemoSource(SourceSettings())

    with pytest.raises(SourceUnusable, match=r"the demo cannot publish its stream: .*no_such_publisher"):
        source.open()


def test_a_publisher_that_dies_on_the_way_is_an_error_not_an_end() -> None:
    source = DemoSource(SourceSettings())
    packets = source.open().packets()
    next(packets)
    assert source._publisher is not None
    source._publisher.kill()

    for _ in packets:
        pass

    with pytest.raises(SourceUnusable, match="the demo cannot publish"):
        source.open()
