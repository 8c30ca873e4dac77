"""Where the picture may have been cut: how much each sampled frame differs from the one before it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scorers.flow import is_pair
from stream_processor.finishing.settings import SceneSettings
from stream_processor.finishing.shots import Differences
from stream_processor.records import Pane, Samples


@dataclass
class Shot:
    """One epoch's memory: the detector with the last frame in it, and that frame's time in epoch seconds."""

    differences: Differences
    seconds: float = float("-inf")


class Cuts:
    """An observer: a sample for every sampled frame, its value the strength of the change from the frame before it.

    PySceneDetect's detectors (B. Castellano) on the analysis frames as they are, with no decoding of their own. From
    ``scene.threshold`` on (1.0) there may be a cut between the sample's time and that of the sample before; whether there is
    one, only all of the stream's frames can tell. A frame with none before it, or none within two seconds, has 0.
    """

    signal = "scene"
    keeps = "samples"

    def __init__(self, settings: SceneSettings | None = None) -> None:
        self._kind = (settings or SceneSettings()).kind
        self.depends_on = f"{self._kind} 1"
        """Of the settings, and which version: what was measured by another is not kept (``best.cache``)."""
        self.start()  # while scorers load: what it imports takes half a second

    def start(self) -> Shot:
        return Shot(Differences(self._kind))

    def score(self, batch: Sequence[tuple[Shot, Pane]]) -> list[Samples]:
        return [_score_pane(shot, pane) for shot, pane in batch]


def _score_pane(shot: Shot, pane: Pane) -> Samples:
    if pane.frames is None:
        return Samples.none()
    strengths = []
    for seconds, planes in zip(pane.frames.times.tolist(), pane.frames.host.planes, strict=True):
        strength = shot.differences.push(planes)
        strengths.append(strength if is_pair(shot.seconds, seconds) else 0.0)
        shot.seconds = seconds
    return Samples(pane.frames.times.copy(), np.array(strengths, np.float64))
