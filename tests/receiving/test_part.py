"""A picture that is too large is left out, and comes back when it is small enough."""

from typing import Any

import pytest

from stream_processor.errors import SourceUnusable
from stream_processor.receiving.part import Part
from stream_processor.records import AudioFormat, Changed, Kind, Media, VideoFormat
from tests.receiving.test_changes import packet

SMALL, HUGE = VideoFormat("h264", 7680, 4320), VideoFormat("h264", 16000, 16000)
SOUND = AudioFormat("aac", 48000, 2)


class Kinds:
    """Stands for ``templates.Codecs``."""

    def __init__(self, *kinds: Kind) -> None:
        self.kinds = kinds

    def changed_to(self, other: "Kinds") -> "Kinds":
        return Kinds(*{*self.kinds, *other.kinds})

    def without_picture(self) -> "Kinds":
        return Kinds("audio")


def part(picture: VideoFormat | None, sound: AudioFormat | None = SOUND) -> Part:
    codecs: Any = Kinds("video", "audio")
    return Part(Media("mpegts", picture, sound), codecs, max_megapixels=36.0)


def test_8k_is_no_bomb() -> None:
    assert part(SMALL).media.video == SMALL


def test_a_larger_one_is_left_out_and_the_sound_stays() -> None:
    it = part(HUGE)
    codecs: Any = it.codecs
    assert it.media == Media("mpegts", None, SOUND)
    assert codecs.kinds == ("audio",)
    assert not it.admits(packet("K", 0, 0))
    assert it.admits(packet("a", 0, 0))


def test_it_may_become_too_large_and_small_again() -> None:
    it = part(SMALL)
    it.change(Changed(Media("mpegts", HUGE, None), Kinds("video")))
    assert it.media.video is None
    assert not it.admits(packet("p", 0, 0))
    it.change(Changed(Media("mpegts", SMALL, None), Kinds("video")))
    assert it.media == Media("mpegts", SMALL, SOUND)
    assert it.admits(packet("p", 0, 0))


def test_without_sound_nothing_is_left_and_the_reason_is_said() -> None:
    with pytest.raises(SourceUnusable, match=r"16000x16000 is over source.max_megapixels \(36\), and there is no sound"):
        part(HUGE, None)
