"""Scorers: each measures one signal, and says in its docstring by which published method and in which unit.

The table names what exists and imports nothing. ``kind`` takes a name from here or ``package.module:Class`` from outside.
"""

from collections.abc import Mapping

SCORERS: Mapping[str, Mapping[str, str]] = {
    "motion": {"farneback": "scorers.motion:OpticalFlow", "farneback-torch": "scorers.motion_torch:TorchFlow"},
    "novelty": {"light": "scorers.novelty_light:LightNovelty", "clip": "scorers.novelty_clip:ClipNovelty"},
    "loudness": {"rms": "scorers.loudness:Rms"},
}
"""Signal -> kind -> class."""
