"""One scorer for all channels that want the same: scorers hold no channel's state, and weights of a model are heavy."""

from collections.abc import Callable, Mapping

from scorers.build import Scoring
from stream_processor.settings import ScorerSettings

Build = Callable[[Mapping[str, ScorerSettings]], Scoring]


class SharedScorers:
    """Builds each distinct scorer once. ``build`` is asked for one signal at a time. Used by one thread."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._built: dict[tuple[str, str], Scoring] = {}

    def scoring(self, signals: Mapping[str, ScorerSettings]) -> Scoring:
        """Signal -> scorer, for one channel. Raises what ``build`` raises."""
        parts = [self._one(signal, settings) for signal, settings in signals.items()]
        return Scoring(
            scorers={signal: scorer for part in parts for signal, scorer in part.scorers.items()},
            kinds={signal: kind for part in parts for signal, kind in part.kinds.items()},
            reasons={signal: reason for part in parts for signal, reason in part.reasons.items()},
            device=parts[0].device,
        )

    def _one(self, signal: str, settings: ScorerSettings) -> Scoring:
        wanted = settings.model_copy(update={"weight": 1.0})  # how much a signal counts is no matter of its scorer
        key = signal, wanted.model_dump_json()
        if key not in self._built:
            self._built[key] = self._build({signal: settings})
        return self._built[key]
