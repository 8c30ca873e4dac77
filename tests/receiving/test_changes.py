"""Packets of a stream that becomes another one, and where that is marked.

Scripts: ``K`` keyframe, ``p`` other picture, ``a`` sound, each 40 ms on; a digit after it is which parameters it has (0 if none).
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from stream_processor.receiving.changes import CHANGES_SECONDS, MOST_CHANGES, MOST_HELD, Announced, ChangeWatch
from stream_processor.records import AudioFormat, Media, RawPacket, VideoFormat, replace
from tests.changing_media import sequence_parameters

VIDEO, AUDIO = VideoFormat("h264", 320, 192, 25.0), AudioFormat("aac", 48000, 2)
WIDTHS = (320, 640, 960)
PICTURE = b"\0\0\0\1\x65\x88"
RATES = (0x4C, 0x50, 0x54)
STEP = 40


class Muxed:
    """Stands for ``templates.Codecs``: what it is made of."""

    def __init__(self, *of: str) -> None:
        self.of, self.video = of, SimpleNamespace(pix_fmt="yuv420p")

    def changed_to(self, other: "Muxed") -> "Muxed":
        return Muxed(*self.of, *other.of)


def probe_picture(codec: str, keyframe: bytes, _extradata: bytes | None) -> tuple[VideoFormat, Any] | None:
    width = next((width for width in WIDTHS if sequence_parameters(width, 192) in keyframe), None)
    return None if width is None else (VideoFormat(codec, width, 192, 25.0), Muxed("picture"))


def probe_sound(codec: str, frames: Sequence[bytes], _extradata: bytes | None) -> tuple[AudioFormat, Any] | None:
    return AudioFormat(codec, 48000 - 1000 * RATES.index(frames[0][2]), 2), Muxed("sound")


def packet(kind: str, which: int, milliseconds: int) -> RawPacket:
    data = b"\0\0\0\1\x41\x9a"
    if kind == "K":
        data = sequence_parameters(WIDTHS[which], 192) + b"\0\0\0\1\x68\xce\x38\x80" + PICTURE
    elif kind == "a":
        data = bytes((0xFF, 0xF1, RATES[which], 0x80, 0x10, 0x1F, 0xFC))
    elif kind == "x":
        data = b"\0\0\0\1\x67\x42\x42\x42" + PICTURE  # a set that no decoder can be made of
    video = kind != "a"
    return RawPacket("video" if video else "audio", data, milliseconds, milliseconds, STEP, Fraction(1, 1000), kind in "Kxa", 0.0)


def watch(*, sound: bool = True, picture: bool = True) -> ChangeWatch:
    media = Media("mpegts", VIDEO if picture else None, AUDIO if sound else None)
    announced = Announced("h264", None, "yuv420p") if picture else None
    return ChangeWatch(media, announced, Announced("aac"), probe_picture=probe_picture, probe_sound=probe_sound)


def sent(script: str) -> list[RawPacket]:
    words = re.findall(r"([Kpax])(\d?)", script)
    return [packet(kind, int(which or 0), STEP * index) for index, (kind, which) in enumerate(words)]


def told(watching: ChangeWatch, packets: Sequence[RawPacket]) -> str:
    """What came out, in the script's letters; a mark is written before its packet: | picture, / sound, || both."""
    out = [each for raw in packets for each in watching.push(raw)] + list(watching.finish())
    assert len({id(each) for each in out}) == len(out)
    return "".join(map(_letter, out))


def _letter(raw: RawPacket) -> str:
    mark = ""
    if raw.changed is not None:
        assert raw.changed.codecs.of == tuple(
            name for name, there in (("picture", raw.changed.media.video), ("sound", raw.changed.media.audio)) if there
        )
        mark = {("picture",): "|", ("sound",): "/", ("picture", "sound"): "||"}[raw.changed.codecs.of]
    if raw.kind == "audio":
        return f"{mark}a{RATES.index(raw.data[2]) or ''}"
    if not raw.is_key:
        return f"{mark}p"
    which = next((index for index, width in enumerate(WIDTHS) if sequence_parameters(width, 192) in raw.data), None)
    return f"{mark}x" if which is None else f"{mark}K{which or ''}"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("KapapaKapapa", "KapapaKapapa"),  # nothing changes
        ("KapapaK1apapa", "Kapapa|K1apapa"),  # the picture does
        ("Kapapaa1pa1pa1Ka1pa1", "Kapapapp/Ka1a1a1a1pa1"),  # the sound does, at the next keyframe
        ("KapapaK1a1pa1pa1pa1", "Kapapa||K1a1pa1pa1pa1"),  # both at once: one mark
        ("Kapapaa1pa1papa", "Kapapappapa"),  # two frames of sound were damaged, no more
        ("KapapaxapapaKapa", "KapapaxapapaKapa"),  # a keyframe was
        ("KapapaK1apapaKapa", "Kapapa|K1apapa|Kapa"),  # and back again
    ],
)
def test_marks(script: str, expected: str) -> None:
    assert told(watch(), sent(script)) == expected


def test_hevc_under_the_number_of_h264_begins_with_its_first_keyframe_and_nothing_of_it_passes_for_h264() -> None:
    """
    said by FFmpeg   K  p  p | p  p  p     none of them is a keyframe, it reads them as H.264
    is               K  p  p | p' K' p'
    """
    vps, sps = b"\0\0\0\1\x40\x01\x0c", b"\0\0\0\1\x42\x01\x01" + bytes(10)
    delimiter, slice_ = b"\0\0\0\1\x46\x01\x10", b"\0\0\0\1\x02\x01\xd0"

    def probe(codec: str, keyframe: bytes, _extradata: bytes | None) -> tuple[VideoFormat, Any] | None:
        return (VideoFormat(codec, 320, 192, 25.0), Muxed("picture")) if codec == "hevc" and sps in keyframe else None

    watching = ChangeWatch(Media("mpegts", VIDEO, None), Announced("h264", None, "yuv420p"), None, probe_picture=probe)
    other = [delimiter + slice_, delimiter + vps + sps + b"\0\0\0\1\x26\x01\xaf", delimiter + slice_]
    script = sent("Kpp") + [replace(packet("p", 0, 120 + STEP * n), data=data) for n, data in enumerate(other)]
    out = [each for raw in script for each in watching.push(raw)] + list(watching.finish())
    assert [each.data for each in out] == [each.data for each in [*script[:3], *script[4:]]]
    assert [each.is_key for each in out] == [True, False, False, True, False]
    assert [each.changed is not None for each in out] == [False, False, False, True, False]
    assert out[3].changed is not None
    assert out[3].changed.media.video == VideoFormat("hevc", 320, 192, 25.0)


def test_a_stream_without_sound_does_not_wait_for_any() -> None:
    watching = ChangeWatch(
        Media("mpegts", VIDEO, None),
        Announced("h264", None, "yuv420p"),
        None,
        probe_picture=probe_picture,
        probe_sound=probe_sound,
    )
    for raw in sent("Kpppp"):
        assert watching.push(raw)
    (marked,) = watching.push(packet("K", 1, 400))
    assert marked.changed is not None


def test_sound_that_has_stopped_is_not_waited_for_long() -> None:
    watching = watch()
    told(watching, sent("Kapa"))
    later = [packet("K", 1, 1000), *(packet("p", 0, at) for at in range(1040, 3080, STEP))]
    held = [watching.push(raw) for raw in later]
    assert held[0] == ()
    assert any(each.changed for out in held for each in out)


def test_sound_alone_changes_where_it_does() -> None:
    assert told(watch(picture=False), sent("aaaaa1a1a1a1a1")) == "aaaa/a1a1a1a1a1"


def test_sound_that_was_announced_and_comes_late_begins_at_a_keyframe() -> None:
    assert told(watch(sound=False), sent("KpppapapaKpa")) == "Kppppp/Kaaapa"


def test_a_change_after_each_keyframe_is_marked_so_often_and_no_more() -> None:
    watching, marks, said = watch(), 0, []
    for number in range(40):
        for raw in (packet("K", number % 2, 1000 * number), packet("a", 0, 1000 * number), packet("p", 0, 1000 * number + STEP)):
            out = watching.push(raw)
            marks += sum(each.changed is not None for each in out)
            said += [each for each in out if each.kind == "video" and not each.is_key]
    assert marks == MOST_CHANGES
    assert len(said) < 40  # what no decoder could go on with was left out
    later = int(1000 * (40 + CHANGES_SECONDS))
    out = [*watching.push(packet("K", 2, later)), *watching.push(packet("a", 0, later))]
    assert sum(each.changed is not None for each in out) == 1


def test_what_waits_is_bounded() -> None:
    watching = watch()
    told(watching, sent("Kapa"))
    for _ in range(3 * MOST_HELD):
        watching.push(packet("a", 1, 1000))
    assert len(watching._strange) + len(watching._waiting) <= MOST_HELD + 1
