"""A cut between two sampled frames, placed to the frame by the packets in the ring, while the channel goes on."""

from itertools import pairwise
from pathlib import Path

import pytest

from stream_processor.finishing.placing import Placing
from stream_processor.finishing.placing_in_ring import first_frame_after_cut
from stream_processor.packets import PacketRing
from stream_processor.settings import RingSettings
from tests.channel import Channel, read
from tests.finishing.cut_films import LONG_GOPS, NO_CUT_KEYS, Film, film, steady
from tests.finishing.test_placing_in_file import expected, sampled

PLACING = Placing("content", 1.0)


def placed(channel: Channel, made: Film, ring: PacketRing | None = None) -> list[float | None]:
    return [
        first_frame_after_cut(ring or channel.ring, channel.epoch.number, channel.codecs.template, before, after, placing=PLACING)
        for before, after in pairwise(sampled(made.times))
    ]


@pytest.mark.parametrize("codec", NO_CUT_KEYS)
def test_every_cut_is_found_to_the_frame_and_nothing_else(tmp_path: Path, codec: str) -> None:
    recipe = NO_CUT_KEYS[codec]
    made = film(tmp_path / f"cuts{recipe.suffix}", recipe, steady(60), cuts=[7, 23, 35, 44])
    for found, wanted in zip(placed(read(made.path), made), expected(made), strict=True):
        assert (found is None) == (wanted is None)
        assert found is None or found == pytest.approx(wanted, abs=0.0011)


def test_neither_the_ring_nor_the_channels_decoder_notices(tmp_path: Path) -> None:
    made = film(tmp_path / "cuts.mp4", LONG_GOPS, steady(60), cuts=[23])
    channel = read(made.path)
    before = channel.ring.state()
    decoder = channel.codecs.video
    assert decoder is not None
    assert any(placed(channel, made))
    assert channel.ring.state() == before
    assert channel.ring._readers == set()  # nothing is held back
    assert not decoder.is_open


def test_packets_that_are_gone_or_still_to_come_are_no_cut(tmp_path: Path) -> None:
    made = film(tmp_path / "cuts.mp4", LONG_GOPS, steady(200), cuts=[23, 130, 190])
    channel = read(made.path)
    kept = PacketRing(RingSettings.model_construct(seconds=60, max_mb=100))
    for packet in channel.packets:
        if 2.0 <= packet.seconds < 7.0:  # the keyframe before is gone; those after 7 s have not come
            kept.append(packet, packet.seconds)
    found = placed(channel, made, kept)
    assert [seconds for seconds in found if seconds is not None] == [pytest.approx(130 / 25)]


def test_when_nobody_waits_any_more_the_way_from_the_keyframe_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = read(film(tmp_path / "cuts.mp4", LONG_GOPS, steady(200), cuts=[190]).path)
    decoded: list[object] = []
    monkeypatch.setattr("stream_processor.finishing.placing._decoded", lambda _, packet: decoded.append(packet) or [])
    left = Placing("content", 1.0, is_cancelled=lambda: len(decoded) >= 3)
    assert first_frame_after_cut(channel.ring, 0, channel.codecs.template, 7.4, 7.6, placing=left) is None
    assert len([packet for packet in decoded if packet is not None]) == 3


def test_a_stream_without_picture_has_no_cut(tmp_path: Path) -> None:
    made = film(tmp_path / "cuts.mp4", LONG_GOPS, steady(30), cuts=[23])
    channel = read(made.path)
    sound_only = type(channel.codecs.template)(channel.codecs.template.container, {})
    assert first_frame_after_cut(channel.ring, 0, sound_only, 0.8, 1.0, placing=PLACING) is None


def test_another_epoch_is_not_looked_into(tmp_path: Path) -> None:
    made = film(tmp_path / "cuts.mp4", LONG_GOPS, steady(30), cuts=[23])
    channel = read(made.path)
    assert first_frame_after_cut(channel.ring, 1, channel.codecs.template, 0.8, 1.0, placing=PLACING) is None
