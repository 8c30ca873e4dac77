"""The timecode that a recording itself begins with: cameras write one, and editors count from it."""

from pathlib import Path

import av
import av.error


def of(path: Path) -> str | None:
    """``10:00:00;00``, or None where the file has none or cannot be read."""
    try:
        with av.open(f"file:{path}", options={"protocol_whitelist": "file,crypto,data"}) as container:
            tags = [container.metadata, *(stream.metadata for stream in container.streams)]
    except (av.error.FFmpegError, OSError, ValueError):
        return None
    return next((tag["timecode"] for tag in tags if tag.get("timecode")), None)
