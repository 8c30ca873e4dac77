"""Scorers: each measures one signal, and says in its docstring by which published method and in which unit.

The table names what exists and imports nothing. ``kind`` takes a name from here or ``package.module:Class`` from outside.
"""

from collections.abc import Mapping

SCORERS: Mapping[str, Mapping[str, str]] = {
    "motion": {"farneback": "scorers.motion:OpticalFlow", "farneback-torch": "scorers.motion_torch:TorchFlow"},
    "novelty": {"light": "scorers.novelty_light:LightNovelty", "clip": "scorers.novelty_clip:ClipNovelty"},
    "loudness": {"rms": "scorers.loudness:Rms"},
    "nuisance": {"standby": "scorers.nuisance:Standby"},
}
"""Signal -> kind -> class."""

OBSERVERS: Mapping[str, str] = {
    "scene": "scorers.scene:Cuts",
    "speech": "scorers.speech:Speech",
    "timbre": "scorers.timbre:Timbre",
}
"""Name -> class of what is observed for finishing steps alone (``Scorer.keeps`` is "samples"), no signal of its own.

Built with the section of its name in the settings where there is one and it takes one, else with nothing. A step says which
it needs: ``observers``."""
