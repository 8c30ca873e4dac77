"""The last resort for a clip that the disk has no room for: its spool is a playable file, and a new name takes no room."""

import os

from stream_processor.clipping.cut import CutJob
from stream_processor.clipping.spool import SpoolReader
from stream_processor.receiving.templates import codec_name
from stream_processor.records import Clip


def salvage(job: CutJob) -> Clip:
    """Make the spool itself the clip: all of it, as it came, without a picture beside it. OSError, ClipWriteError: nor that."""
    with SpoolReader(job.spool, job.times) as spool:
        base_seconds = spool.base_seconds
        end_seconds = max((item.end_seconds for item in spool.packets() if item.packet.pts is not None), default=0.0)
        video, audio = spool.streams.get("video"), spool.streams.get("audio")
        clip = Clip(
            filename=job.stem.with_suffix(job.spool.suffix).name,
            start_seconds=job.epoch_start_seconds + base_seconds,
            duration_seconds=end_seconds,
            codec=codec_name(video) if video is not None else None,
            width=video.codec_context.width if video is not None else None,
            height=video.codec_context.height if video is not None else None,
            fps=None,
            audio=codec_name(audio) if audio is not None else None,
            cut="copy",
            picture=None,
        )
    target = job.stem.with_suffix(job.spool.suffix)
    try:
        # The spool keeps its own name, too, until the highlight's end is journaled: a disk that refuses that as well
        # would leave the next start without anything to find.
        os.link(job.spool, target)
    except OSError:  # a file system without links
        job.spool.replace(target)
    return clip
