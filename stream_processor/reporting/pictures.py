"""Clips' pictures, few and small enough to stand in the page itself."""

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path

import cv2
import numpy as np

WIDTH = 480
"""Pixels."""
_QUALITY = 78
_LARGEST_BYTES = 50_000_000
MOST_BYTES = 4_000_000
"""Of all pictures in a page together, as text: about 150 of them. It is still sent by mail, and opens at once."""


def data_uris(paths: Iterable[Path], most_bytes: int = MOST_BYTES) -> Mapping[Path, str]:
    """Those of the first of ``paths`` (the best clips' first) that fit into ``most_bytes`` together."""
    made: dict[Path, str] = {}
    left = most_bytes
    for path in paths:
        uri = data_uri(path)
        if uri is None:
            continue
        left -= len(uri)
        if left < 0:
            break
        made[path] = uri
    return made


def data_uri(path: Path) -> str | None:
    """A JPEG of at most ``WIDTH`` pixels across as a data URI; None where there is no picture, or none that can be read."""
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            return None
        encoded = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError:
        return None
    picture = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if len(encoded) else None
    if picture is None:
        return None
    height, width = picture.shape[:2]
    if width > WIDTH:
        picture = cv2.resize(picture, (WIDTH, max(1, round(height * WIDTH / width))), interpolation=cv2.INTER_AREA)
    made, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode('ascii')}" if made else None
