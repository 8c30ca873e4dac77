"""How settings become a ``Detection``: in one place, so that a live run and its replay cannot be put together differently."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stream_processor.contracts import Detector, Normaliser
from stream_processor.deciding.detection import Detection
from stream_processor.errors import SettingsError
from stream_processor.finishing.settings import NuisanceSettings
from stream_processor.peaks import DETECTORS, Identify
from stream_processor.records import Window
from stream_processor.saliency import NORMALISERS
from stream_processor.settings import PeaksSettings, SaliencySettings, Settings, WindowSettings
from stream_processor.tables import find

_SECTIONS = {"window", "saliency", "nuisance", "peaks", "motion", "novelty", "loudness", "scorers"}


def deciding_settings(settings: Settings) -> dict[str, Any]:
    """The sections that decisions depend on, ready for JSON: what is journaled with a run. They hold no secrets."""
    return settings.model_dump(mode="json", include=_SECTIONS)


def build_normaliser(settings: SaliencySettings, weights: Mapping[str, float]) -> Normaliser:
    """``weights``: signal -> its share. SettingsError: no such kind, or options that it does not take."""
    made = find(NORMALISERS, settings.kind, "saliency.kind")
    normaliser: Normaliser = _built("saliency", lambda: made(weights, settings.history_seconds, **settings.options))
    return normaliser


def build_detection(
    normaliser: Normaliser,
    *,
    peaks: PeaksSettings,
    window: WindowSettings,
    identify: Identify,
    nuisance: NuisanceSettings,
    baseline: Sequence[Window] = (),
) -> Detection:
    """``identify`` names highlights; ``baseline`` are windows kept from an earlier run. SettingsError: as above."""
    made = find(DETECTORS, peaks.kind, "peaks.kind")
    detector: Detector = _built("peaks", lambda: made(peaks, window, identify, **peaks.options))
    standby_after_seconds = math.inf if nuisance.kind == "off" else nuisance.after_seconds
    return Detection(normaliser, detector, peaks.warmup_seconds, baseline, standby_after_seconds=standby_after_seconds)


def _built(section: str, build: Callable[[], Any]) -> Any:
    try:
        return build()
    except TypeError as error:
        raise SettingsError(f"{section}.options: {error}") from error
