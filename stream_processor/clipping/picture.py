"""The picture beside a finished clip: its frame at the highlight's peak, as JPEG, complete or not there at all."""

import os
from pathlib import Path
from typing import Any

import av
import av.error
import cv2
import numpy as np

from stream_processor.clipping.cut import CutJob, publish
from stream_processor.clipping.muxing import DISK_ERRORS
from stream_processor.errors import ClipWriteError
from stream_processor.records import Clip, replace

_QUALITY = 90


def illustrate(clip: Clip, job: CutJob) -> Clip:
    """The clip with its picture, or as it is where there is one or no frame can be decoded. Blocking.

    ClipWriteError: the disk does not take it now. The clip itself is whole.
    """
    if clip.picture is not None or clip.codec is None:
        return clip
    path = job.stem.with_name(clip.filename)
    try:
        image = _frame(path, job.epoch_start_seconds + job.peak_seconds - clip.start_seconds)
        return clip if image is None else replace(clip, picture=_write(image, path.with_suffix(".jpg")))
    except (av.error.FFmpegError, OSError) as error:
        if error.errno not in DISK_ERRORS or not os.path.exists(path):  # noqa: PTH110 # which never raises
            return clip
        raise ClipWriteError(f"{path.stem}.jpg: {error.strerror or error}") from error


def _frame(clip: Path, seconds: float) -> Any:
    """Upright, as BGR; the last one where there is none so late, None where there is none at all."""
    with av.open(str(clip), "r") as container:
        if not container.streams.video:
            return None
        stream = container.streams.video[0]
        best = None
        if seconds > 1.0 and stream.time_base:
            container.seek(int(seconds / stream.time_base), stream=stream)
        try:
            for frame in container.decode(stream):
                best = frame
                if frame.time is not None and frame.time >= seconds - 1e-6:
                    break
        except av.error.FFmpegError:
            pass
        return None if best is None else np.rot90(best.to_ndarray(format="bgr24"), round(best.rotation / 90))


def _write(image: Any, target: Path) -> str | None:
    encoded, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not encoded:
        return None
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_bytes(jpeg.tobytes())
        publish(part, target)
    finally:
        part.unlink(missing_ok=True)
    return target.name
