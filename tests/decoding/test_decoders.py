"""Decoders serve one epoch after the other, and no picture that is larger than was agreed."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from stream_processor.decode import DecodeCounts, EpochDecoder, Sampling
from stream_processor.records import replace
from tests.changing_media import with_size
from tests.channel import read

SAMPLING = Sampling(Fraction(1), 5.0, 180, None, 1.0, 9)


def test_the_epoch_after_a_jump_is_seen_and_heard_like_the_one_before(made: Callable[..., Path]) -> None:
    """Both are decoded by the same decoders: emptied at the end of the first, they would refuse all of the second."""
    channel = read(made("h264 in ts"))
    counts = DecodeCounts()
    seen = []
    for _ in range(3):
        decoder = EpochDecoder(channel.epoch, channel.codecs, SAMPLING, counts)
        panes = [pane for packet in channel.packets for pane in decoder.decode(packet)] + decoder.finish()
        seen.append([(pane.number, len(pane.frames.times) if pane.frames else 0) for pane in panes])
    assert counts.errors == 0
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0] == (0, 5)


def test_a_picture_that_grows_within_an_epoch_is_refused_before_there_is_memory_for_it(made: Callable[..., Path]) -> None:
    channel = read(made("h264 in ts"))
    counts = DecodeCounts()
    decoder = EpochDecoder(channel.epoch, channel.codecs, SAMPLING, counts)
    for packet in channel.packets:
        if packet.kind == "video" and packet.is_key and packet.seconds > 4:
            decoder.decode(replace(packet, data=with_size(packet.data, 16000, 16000)))
        else:
            decoder.decode(packet)
    decoder.finish()
    assert counts.errors > 0
    assert 90 <= counts.frames + counts.skipped <= 130
