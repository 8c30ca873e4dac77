"""What finishing steps want observed besides the signals: cuts, speech, the sound's colour. Channels share what they want alike.

An observer is a scorer that keeps its samples and is no signal: it never decides where a highlight is, so one that cannot be
built costs the steps that ask for it what they would have seen, and nothing else.
"""

import inspect
import threading
from collections.abc import Mapping
from concurrent.futures import Future

import structlog
from pydantic import BaseModel

from scorers import OBSERVERS
from stream_processor.contracts import Scorer
from stream_processor.errors import ScorerError
from stream_processor.redact import redact
from stream_processor.tables import find

log = structlog.get_logger()


def build_observer(name: str, settings: BaseModel | None) -> Scorer:
    """With its section's ``settings``, where there is such a section and it takes them. May take long: it may load a model.

    SettingsError: no such observer. ScorerError: it cannot be had, with what to do about it. Or whatever its class raises.
    """
    observer_class = find(OBSERVERS, name, "observers")
    takes_some = settings is not None and bool(inspect.signature(observer_class).parameters)
    observer: Scorer = observer_class(settings) if takes_some else observer_class()
    if getattr(observer, "keeps", "sum") != "samples":
        raise ScorerError(f"{name} is a signal, and no observer")
    return observer


class SharedObservers:
    """Builds each distinct observer once, for whichever thread asks first. One that cannot be built is said once."""

    def __init__(self) -> None:
        self._built: dict[tuple[str, str], Future[Scorer | None]] = {}
        self._lock = threading.Lock()

    def observers(self, wanted: Mapping[str, BaseModel | None]) -> dict[str, Scorer]:
        """Name -> observer, of those that can be had. ``wanted``: name -> its section of the settings, None where it has none."""
        found = {name: self._one(name, settings) for name, settings in wanted.items()}
        return {name: observer for name, observer in found.items() if observer is not None}

    def _one(self, name: str, settings: BaseModel | None) -> Scorer | None:
        key = name, "" if settings is None else settings.model_dump_json()
        with self._lock:
            built, is_ours = self._built.get(key), key not in self._built
            if built is None:
                built = self._built[key] = Future()
        if is_ours:
            built.set_result(_build_or_say(name, settings))
        return built.result()


def _build_or_say(name: str, settings: BaseModel | None) -> Scorer | None:
    try:
        return build_observer(name, settings)
    except Exception as error:  # models and libraries fail in any way; highlights are found all the same
        reason = redact(" ".join(str(error).split()) or type(error).__name__)
        log.warning(f"clips are finished without {name}: it cannot be observed", reason=reason)
        return None
