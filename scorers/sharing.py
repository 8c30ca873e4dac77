"""One scorer for all channels that want the same: scorers hold no channel's state, and weights of a model are heavy."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future

from scorers.build import Scoring
from stream_processor.settings import ScorerSettings

Build = Callable[[Mapping[str, ScorerSettings]], Scoring]


class SharedScorers:
    """Builds each distinct scorer once, for whichever thread asks first. ``build`` is asked for one signal at a time."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._built: dict[tuple[str, str], Future[Scoring]] = {}
        self._lock = threading.Lock()

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
        with self._lock:
            built, is_ours = self._built.get(key), key not in self._built
            if built is None:
                built = self._built[key] = Future()
        if is_ours:
            try:
                built.set_result(self._build({signal: settings}))
            except BaseException as error:  # for all who want it
                built.set_exception(error)
        return built.result()
