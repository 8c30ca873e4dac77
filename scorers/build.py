"""The settings' signals to scorers."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass

from scorers import SCORERS
from scorers.choice import choose_novelty
from stream_processor.contracts import Scorer
from stream_processor.errors import SettingsError
from stream_processor.settings import NoveltySettings, ScorerSettings
from stream_processor.tables import find


@dataclass(frozen=True)
class Scoring:
    """What scores each signal, and what it wants to see.

    ``kinds`` says which kind each signal settled on, ``reasons`` why where that was a choice. Where some scorer embeds
    pictures, their shorter side should be ``picture_size`` pixels and ``picture_fps`` a second sampled; else both are 0.
    """

    scorers: Mapping[str, Scorer]
    kinds: Mapping[str, str]
    reasons: Mapping[str, str]

    @property
    def picture_size(self) -> int:
        return max((getattr(scorer, "picture_size", 0) for scorer in self.scorers.values()), default=0)

    @property
    def picture_fps(self) -> float:
        return max((getattr(scorer, "picture_fps", 0.0) for scorer in self.scorers.values()), default=0.0)


def build_scorers(signals: Mapping[str, ScorerSettings], *, device: str, threads: int = 0) -> Scoring:
    """Signal -> scorer. ``device`` is auto, cpu, cuda or cuda:N. May take long: it loads weights where there are some.

    SettingsError: an unknown kind, or options that its class does not take. ScorerError: weights, as ``choose_novelty`` says.
    """
    scorers: dict[str, Scorer] = {}
    kinds: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for signal, settings in signals.items():
        if isinstance(settings, NoveltySettings) and settings.kind in ("auto", "clip", "light"):
            choice = choose_novelty(settings, device=device)
            scorers[signal], kinds[signal], reasons[signal] = choice.scorer, choice.kind, choice.reason
        else:
            scorers[signal], kinds[signal] = _build(signal, settings), settings.kind
    return Scoring(scorers, kinds, reasons)


def _build(signal: str, settings: ScorerSettings) -> Scorer:
    section = signal if signal in SCORERS else f"scorers.{signal}"
    scorer_class = find(SCORERS.get(signal, {}), settings.kind, f"{section}.kind")
    try:
        inspect.signature(scorer_class).bind(**settings.options)
    except TypeError as error:
        raise SettingsError(f"{section}.options: {settings.kind}: {error}") from error
    scorer: Scorer = scorer_class(**settings.options)
    return scorer
