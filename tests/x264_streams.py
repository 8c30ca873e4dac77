"""What encoders do with B pictures: short recordings of ``media_maker`` frames, encoded as streamers encode."""

from pathlib import Path

from tests.channel import Channel, read
from tests.media_maker import Recipe, make

_BASE = {"threads": "1", "bf": "3", "b_strategy": "0", "sc_threshold": "0"}
_PARAMS = "x264-params"

X264 = {
    "one reference": {**_BASE, "preset": "veryfast"},
    "one reference, adaptive": {**_BASE, "preset": "veryfast", "b_strategy": "1"},
    "one reference, seven deep": {**_BASE, "preset": "veryfast", "bf": "7"},
    "one reference, slices": {**_BASE, "preset": "veryfast", _PARAMS: "slices=3"},
    "one reference, open gops": {**_BASE, "preset": "veryfast", _PARAMS: "open-gop=1"},
    "no pyramid": {**_BASE, "preset": "veryfast", _PARAMS: "b-pyramid=none"},
    "no B": {**_BASE, "preset": "veryfast", "bf": "0"},
    "all intra": {**_BASE, "preset": "veryfast", "g": "1"},
    "three references": {**_BASE, "preset": "medium"},
    "strict pyramid": {**_BASE, "preset": "veryfast", _PARAMS: "b-pyramid=strict"},
    "periodic refresh": {**_BASE, "preset": "veryfast", _PARAMS: "intra-refresh=1"},
    "interlaced": {**_BASE, "preset": "veryfast", "flags": "+ildct+ilme"},
}


def x264(folder: Path, name: str, *, container: str = ".mp4", seconds: int = 8) -> Channel:
    """Encode it once, one keyframe every two seconds unless the name says otherwise, and read it."""
    options = X264[name]
    suffix = "." + name.replace(" ", "-").replace(",", "") + container
    gop = int(options.get("g", 50))
    return read(make(folder, Recipe(suffix, audio=None, video_options=options, gop=gop), seconds=seconds))
