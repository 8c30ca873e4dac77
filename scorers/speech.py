"""When somebody speaks, for the finishing step that moves boundaries out of words. No signal of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import structlog

from scorers.at_16_khz import Listener, Part
from scorers.energy_speech import EnergySpeech
from scorers.silero import HOW_TO_GET_IT, Silero, installed_model
from stream_processor.errors import ScorerError
from stream_processor.finishing.settings import SpeechSettings
from stream_processor.records import Pane, Samples

SILENCE = 1e-4
"""A chunk that nowhere reaches this (−80 dB) has no speech in it, whatever a detector makes of nothing."""

log = structlog.get_logger()


class Detector(Protocol):
    name: str
    """Which one it is, and of which model: another name, other probabilities."""

    def start(self) -> Any:
        """What it must remember of one stretch of sound."""
        ...

    def probabilities(self, memory: Any, chunks: npt.NDArray[np.float32], /) -> npt.NDArray[np.float64]:
        """``chunks`` float32 (n, 512) at 16 kHz, in order. Float64 (n,), 0 to 1."""
        ...


@dataclass
class Conversation:
    """The sound between two panes, and what the detector remembers of it."""

    listener: Listener = field(default_factory=Listener)
    memory: Any = None


class Speech:
    """The probability of speech, 0 to 1, in each 32 ms of sound, by Silero VAD or by its loudness alone. An observer.

    A sample's time is the beginning of its 32 ms. A hole in the sound has no samples, and after it all that was heard is
    forgotten; what is left over before a hole and shorter than 32 ms has none either.

    ``speech.kind`` silero takes ``speech.model``, else the model of an installed package, else raises ScorerError; auto takes
    loudness where there is no model, and says so once; a model that is named and cannot be used is an error.
    """

    signal = "speech"
    keeps = "samples"

    def __init__(self, settings: SpeechSettings | None = None) -> None:
        self.detector = choose_detector(settings or SpeechSettings())
        self.depends_on = f"{self.detector.name} 1"
        """What its samples are by, and which version: what was measured by another is not kept (``best.cache``)."""

    def start(self) -> Conversation:
        return Conversation()

    def score(self, batch: Sequence[tuple[Conversation, Pane]]) -> list[Samples]:
        return [self._score(conversation, pane) for conversation, pane in batch]

    def _score(self, conversation: Conversation, pane: Pane) -> Samples:
        parts = conversation.listener.hear(pane.sound, is_last=pane.is_last)
        if not parts:
            return Samples.none()
        values = [self._probabilities(conversation, part) for part in parts]
        return Samples(np.concatenate([part.times for part in parts]), np.concatenate(values))

    def _probabilities(self, conversation: Conversation, part: Part) -> npt.NDArray[np.float64]:
        if part.is_new:
            conversation.memory = self.detector.start()
        found = self.detector.probabilities(conversation.memory, part.chunks)
        return np.where(np.abs(part.chunks).max(axis=1) < SILENCE, 0.0, found)


def choose_detector(settings: SpeechSettings) -> Detector:
    """ScorerError: as ``Speech`` says."""
    if settings.kind == "energy":
        return EnergySpeech()
    if settings.model is not None:
        return Silero(settings.model.expanduser())
    path = installed_model()
    if settings.kind == "silero":
        if path is None:
            raise ScorerError(f"speech.kind = silero, and there is no model: {HOW_TO_GET_IT}")
        return Silero(path)
    reason = f"there is no Silero model: {HOW_TO_GET_IT}"
    if path is not None:
        try:
            return Silero(path)
        except ScorerError as error:
            reason = str(error)
    log.info("speech is found by loudness alone, which cannot tell a voice from other sounds", reason=reason)
    return EnergySpeech()
