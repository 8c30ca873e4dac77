"""Decoders and templates outlive their containers, and one kind of them can take another's place."""

import io
from collections.abc import Callable
from pathlib import Path

import av

from stream_processor.demux import AvDemuxer, open_container
from stream_processor.receiving.templates import Codecs
from stream_processor.records import Kind


def codecs(path: Path) -> Codecs:
    demuxer = AvDemuxer(open_container(str(path), name=path.name), name=path.name)
    demuxer.close()
    return demuxer.codecs


def names(made_of: Codecs) -> dict[Kind, str]:
    """What a file that is made from the template says that it holds."""
    file = io.BytesIO()
    with av.open(file, "w", format=made_of.template.format) as output:
        streams = {kind: output.add_stream_from_template(each, opaque=True) for kind, each in made_of.template.streams.items()}
    return {kind: stream.codec_context.codec.canonical_name for kind, stream in streams.items()}


def test_a_changed_picture_takes_the_old_ones_place_and_the_sound_stays(made: Callable[..., Path]) -> None:
    before, after = codecs(made("h264 in ts")), codecs(made("hevc with open gops in ts"))
    changed = before.changed_to(Codecs(after.video, None, after.template))
    assert changed.video is after.video
    assert changed.audio is before.audio
    assert names(changed) == {"video": "hevc", "audio": "aac"}
    assert names(before) == {"video": "h264", "audio": "aac"}


def test_without_picture_the_sound_is_left(made: Callable[..., Path]) -> None:
    left = codecs(made("h264 in ts")).without_picture()
    assert left.video is None
    assert names(left) == {"audio": "aac"}


def test_nut_holds_what_matroska_refuses(media: Callable[[str], Path]) -> None:
    assert codecs(media("odd/vp6_noaudio.flv")).template.format == "nut"
