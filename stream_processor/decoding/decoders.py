"""An epoch's software decoders made ready: how many threads, how large a picture, and what of it need not be decoded."""

import math

from stream_processor.decoding.mini_gops import MiniGops
from stream_processor.decoding.nal import reach_reader
from stream_processor.decoding.skipping import Skipping
from stream_processor.process import available_cores
from stream_processor.receiving.templates import Codecs
from stream_processor.records import VideoFormat

_PIXELS_A_SECOND = 70e6
"""What one thread decodes beside other work on a slow core: a little more than 1080p30."""


def prepare(codecs: Codecs, video: VideoFormat | None, *, threads: int, max_megapixels: float, is_live: bool) -> None:
    """For an epoch that begins. Decoders that served one before forget it: emptied, they would refuse everything.

    A picture that grows in the middle of the epoch beyond ``max_megapixels`` is refused before there is memory for it.
    """
    for context in (codecs.video, codecs.audio):
        if context is not None and context.is_open:
            context.flush_buffers()
    if codecs.video is not None and video is not None and not codecs.video.is_open:
        codecs.video.thread_type = "AUTO"
        codecs.video.thread_count = threads_for(threads, video, is_live=is_live)
        codecs.video.options = {**codecs.video.options, "max_pixels": str(int(max_megapixels * 1e6))}


def threads_for(most: int, video: VideoFormat, *, is_live: bool) -> int:
    """How many threads decode. Each but the first holds frames back for as long as it takes to decode one, and costs memory."""
    cores = available_cores()
    most = min(most or cores, cores)
    needed = math.ceil(video.width * video.height * (video.fps or 30.0) / _PIXELS_A_SECOND)
    return min(most, max(1, needed)) if is_live else most


def skipping_for(codecs: Codecs, video: VideoFormat | None, rates: list[float], *, skips: bool) -> Skipping:
    """``rates``: the grids on which the picture is sampled, in hertz."""
    if codecs.video is None or video is None or not skips:
        return Skipping(rates, None)
    extradata = codecs.video.extradata
    reach_of = reach_reader(video.codec, extradata, intra_only=codecs.video.codec.intra_only)
    return Skipping(rates, reach_of, MiniGops(extradata) if video.codec == "h264" else None)
