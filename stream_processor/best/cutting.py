"""One chosen moment out of its video into a clip file, exact to the frame and to the sample.

The picture is decoded from a keyframe before the start and encoded anew (libx264); frames keep their own times, so that a
variable frame rate stays one. The sound is trimmed, faded at its edges and encoded (AAC).
"""

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import av.error
from PIL import Image

from stream_processor.best.excerpts import Begin, encoded, excerpt
from stream_processor.best.filters import FilterGraph, chain, first_pass, scaled
from stream_processor.best.peak_picture import PeakCatcher
from stream_processor.best.records import Chosen, Video
from stream_processor.best.settings import BestClips
from stream_processor.best.sound import SoundExcerpt, encode_sound
from stream_processor.clipping.encode import JUST_BEFORE, PictureEncoder
from stream_processor.clipping.muxing import DISK_ERRORS
from stream_processor.decoding.decoders import prepare
from stream_processor.errors import ClipImpossible, ClipWriteError, GivenUp
from stream_processor.records import Clip, Packet
from stream_processor.settings import SourceSettings


@dataclass(frozen=True)
class CutClip:
    """A clip file and the frame at its peak, upright; None where no frame could be turned into a picture."""

    clip: Clip
    picture: Image.Image | None


@dataclass(frozen=True)
class Cutting:
    """How clips are cut. ``threads``: how many one clip may use. ``cancelled`` is asked between packets."""

    settings: BestClips
    source: SourceSettings
    threads: int = 1
    cancelled: Callable[[], bool] = lambda: False


def cut(video: Video, chosen: Chosen, target: Path, how: Cutting) -> CutClip:
    """Write the clip to ``target`` (MP4) and sync it; blocking. Whatever goes wrong, nothing is left there then.

    GivenUp: cancelled. ClipWriteError: the disk does not take it. ClipImpossible: the video cannot be read there.
    """
    try:
        with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as output:
            result = _write(video, chosen, target, output, how)
        with target.open("rb+") as file:
            os.fsync(file.fileno())
    except (av.error.FFmpegError, OSError) as error:
        target.unlink(missing_ok=True)
        kind = ClipWriteError if error.errno in DISK_ERRORS else ClipImpossible
        raise kind(f"{target.name}: {error.strerror or error}") from error
    except (ValueError, MemoryError) as error:  # PyAV of what it cannot set up, or has no room for
        target.unlink(missing_ok=True)
        raise ClipImpossible(f"{target.name}: {error or 'there is not enough memory'}") from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return result


def _write(video: Video, chosen: Chosen, target: Path, output: Any, how: Cutting) -> CutClip:
    fps = Fraction(video.fps or 30).limit_denominator(1001)
    begin, decoder, packets = _opened(video, chosen.start_seconds, chosen.end_seconds + float(1 / fps), how)
    shift_seconds = begin.shift_seconds
    end_seconds = min(chosen.end_seconds, video.duration_seconds) - shift_seconds
    is_turned = _is_turned(video, chosen.start_seconds, how)
    size = scaled(how.settings.height, decoder.width, decoder.height, is_turned=is_turned)
    with tempfile.TemporaryDirectory() as scratch:
        transforms = Path(scratch) / "transforms.trf"
        if how.settings.stabilise == "vidstab":
            _find_transforms(video, chosen, transforms, how)
        filters = chain(
            how.settings, decoder.width, decoder.height, is_turned=is_turned, fps=video.fps or 30.0, transforms=transforms
        )
        catcher = PeakCatcher(
            (decoder.width, decoder.height),
            FilterGraph(filters, size) if filters else None,
            chosen.moment.peak_seconds - shift_seconds,
        )
        picture = PictureEncoder(
            output,
            SimpleNamespace(codec_context=decoder),
            start_seconds=chosen.start_seconds - shift_seconds,
            end_seconds=end_seconds,
            fps=fps,
            options={"crf": str(how.settings.crf), "preset": how.settings.preset, "threads": str(how.threads)},
            retouch=catcher,
        )
        sound = None
        if begin.codecs.audio is not None:
            sound = SoundExcerpt(
                begin.codecs.audio,
                start_seconds=chosen.start_seconds,
                end_seconds=end_seconds + shift_seconds + float(1 / fps),
                shift_seconds=shift_seconds,
            )
        pictures = _encode(packets, picture, sound, how)
    if picture.first is None:
        raise ClipImpossible(
            f"{video.path.name}: no picture can be decoded between {chosen.start_seconds:.3f} and {chosen.end_seconds:.3f} s"
        )
    lasts = _end(picture, end_seconds, fps) - picture.first
    count = _give_durations(pictures, lasts)
    first_seconds = float(picture.first) + shift_seconds
    sounds = []
    if sound is not None and sound.heard:
        samples = sound.samples(first_seconds, float(lasts), how.settings.fade_seconds)
        sounds = list(encode_sound(output, samples, rate=sound.rate, layout=sound.layout))
    output.mux([*pictures, *sounds])
    context = output.streams.video[0].codec_context
    clip = Clip(
        filename=target.name,
        start_seconds=first_seconds,
        duration_seconds=float(lasts),
        codec="h264",
        width=context.width,
        height=context.height,
        fps=round(count / float(lasts), 3) if lasts else None,
        audio="aac" if sounds else None,
        cut="exact",
        picture=None,
    )
    return CutClip(clip, catcher.picture(decoder.sample_aspect_ratio))


def _opened(video: Video, start_seconds: float, end_seconds: float, how: Cutting) -> tuple[Begin, Any, Iterator[Begin | Packet]]:
    """What decodes [start, end), the picture's decoder in it, and the packets."""
    items = excerpt(video, start_seconds, end_seconds, how.source)
    begin = next(items)
    assert isinstance(begin, Begin)
    if begin.codecs.video is None:
        raise ClipImpossible(f"{video.path.name}: its picture cannot be decoded")
    prepare(begin.codecs, begin.media.video, threads=how.threads, max_megapixels=how.source.max_megapixels, is_live=False)
    return begin, begin.codecs.video, items


def _end(picture: PictureEncoder, end_seconds: float, fps: Fraction) -> Fraction:
    """Where the last picture ends: with the frame after it, so that a steady frame rate stays one; where that one lets wait for
    longer than frames do here, as was planned."""
    planned = Fraction(end_seconds).limit_denominator(1_000_000)
    return picture.after if picture.after is not None and picture.after - planned <= 1 / fps else planned


def _encode(packets: Any, picture: PictureEncoder, sound: SoundExcerpt | None, how: Cutting) -> list[Any]:
    """The encoded pictures, held until all are there: only then is it known whether there is sound, and how long each lasts."""
    pictures: list[Any] = []
    for packet in packets:
        if how.cancelled():
            raise GivenUp("asked to end while clips were being cut")
        if packet.kind == "video":
            pictures += picture.push(encoded(packet))
        elif sound is not None:
            sound.push(packet)
    pictures += picture.push(None)
    if sound is not None:
        sound.push(None)
    return pictures


def _give_durations(pictures: list[Any], lasts: Fraction) -> int:
    """Each picture lasts until the next one. Returns how many there are.

    The one shown last lasts until the clip's end, however long it stands still. MP4 measures its samples by decoding times: the
    one decoded last takes what is left by these.
    """
    shown = sorted((packet for packet in pictures if packet.pts is not None), key=lambda packet: packet.pts)
    for packet, after in itertools.pairwise(shown):
        packet.duration = after.pts - packet.pts
    if shown:
        end = round(lasts / shown[-1].time_base)
        pictures[-1].duration = max(1, end - (pictures[-1].dts - pictures[0].dts))
        shown[-1].duration = max(1, end - shown[-1].pts)
    return len(shown)


def _find_transforms(video: Video, chosen: Chosen, transforms: Path, how: Cutting) -> None:
    """The first of vidstab's two passes: how the camera shook."""
    begin, decoder, packets = _opened(video, chosen.start_seconds, chosen.end_seconds, how)
    graph = FilterGraph(first_pass(transforms), (decoder.width, decoder.height))
    for packet in [*(item for item in packets if isinstance(item, Packet) and item.kind == "video"), None]:
        if how.cancelled():
            raise GivenUp("asked to end while a clip was being stabilised")
        for frame in decoder.decode(encoded(packet)):
            seconds = frame.pts * frame.time_base + Fraction(begin.shift_seconds)
            if chosen.start_seconds - JUST_BEFORE <= seconds < chosen.end_seconds - JUST_BEFORE:
                list(graph.push(frame))
    list(graph.push(None))


def _is_turned(video: Video, begin_seconds: float, how: Cutting) -> bool:
    """Shown on its side, as its frames say: the width of what is encoded is the height that people see."""
    if not how.settings.height:
        return False
    _, decoder, packets = _opened(video, begin_seconds, begin_seconds, how)
    for packet in packets:
        if isinstance(packet, Packet) and packet.kind == "video":
            for frame in decoder.decode(encoded(packet)):
                return bool(round(frame.rotation / 90) % 2)
    return False
