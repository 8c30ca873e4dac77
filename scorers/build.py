"""The settings' signals to scorers."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from scorers import SCORERS
from scorers.choice import choose_novelty
from scorers.embedding import choose_device
from scorers.novelty_clip import ClipNovelty
from stream_processor.contracts import Scorer
from stream_processor.errors import ScorerError, SettingsError
from stream_processor.settings import MotionSettings, NoveltySettings, ScorerSettings
from stream_processor.tables import find

USUAL_FRAME = (180, 320)

log = structlog.get_logger()


@dataclass(frozen=True)
class Scoring:
    """What scores each signal, and what it wants to see.

    ``device``: where the frames should lie for it, "cpu", "cuda" or "cuda:N". ``kinds`` says which kind each signal settled on,
    ``reasons`` why where that was a choice. Where some scorer embeds pictures, their shorter side should be ``picture_size``
    pixels and ``picture_fps`` a second sampled; else both are 0. ``observers``: what finishing steps want besides.
    """

    scorers: Mapping[str, Scorer]
    kinds: Mapping[str, str]
    reasons: Mapping[str, str]
    device: str = "cpu"
    observers: Mapping[str, Scorer] = field(default_factory=dict)

    @property
    def everything(self) -> Mapping[str, Scorer]:
        """Scorers and observers. A signal goes before an observer of its name."""
        return {**self.observers, **self.scorers}

    @property
    def picture_size(self) -> int:
        return max((getattr(scorer, "picture_size", 0) for scorer in self.everything.values()), default=0)

    @property
    def picture_fps(self) -> float:
        return max((getattr(scorer, "picture_fps", 0.0) for scorer in self.everything.values()), default=0.0)


def build_scorers(
    signals: Mapping[str, ScorerSettings],
    *,
    device: str,
    threads: int = 0,
    max_mb: float = 0.0,
    channels: int = 1,
    frame: tuple[int, int] = USUAL_FRAME,
) -> Scoring:
    """Signal -> scorer. May take long: it loads weights where there are some.

    ``device`` is auto, cpu, cuda or cuda:N; ``threads`` on the CPU, 0: all there are; ``max_mb`` of video memory for the whole
    program, which watches ``channels``, 0: all there is; ``frame``: (height, width) of analysis frames as they mostly are.
    SettingsError: an unknown kind, or options that its class does not take. ScorerError: weights, as ``choose_novelty`` says,
    or a device that is not there.
    """
    asked, device = device, choose_device(device)
    on_card = device.startswith("cuda")
    if on_card:
        from scorers import on_device

        try:
            max_mb = on_device.left_for_scoring_mb(max_mb, channels=channels)
            on_device.bound_memory(device, max_mb)
        except ScorerError as error:
            if asked != "auto":
                raise
            log.warning("scores on the CPU", reason=str(error))
            device, on_card = "cpu", False
    scorers: dict[str, Scorer] = {}
    kinds: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for signal, settings in signals.items():
        if isinstance(settings, NoveltySettings) and settings.kind in ("auto", "clip", "light"):
            clip_mb = max_mb * (1 - on_device.FLOW_SHARE) if on_card else 0.0
            choice = choose_novelty(settings, device=device, threads=threads, max_mb=clip_mb)
            scorers[signal], kinds[signal], reasons[signal] = choice.scorer, choice.kind, choice.reason
            if on_card and isinstance(choice.scorer, ClipNovelty):
                scorers[signal] = on_device.novelty_on(device, choice.scorer)
        elif on_card and isinstance(settings, MotionSettings) and settings.kind == "farneback":
            scorers[signal], kinds[signal] = on_device.motion_on(device, max_mb=max_mb, frame=frame), settings.kind
        else:
            scorers[signal], kinds[signal] = _build(signal, settings), settings.kind
    return Scoring(scorers, kinds, reasons, device)


def _build(signal: str, settings: ScorerSettings) -> Scorer:
    section = signal if signal in SCORERS else f"scorers.{signal}"
    scorer_class = find(SCORERS.get(signal, {}), settings.kind, f"{section}.kind")
    try:
        inspect.signature(scorer_class).bind(**settings.options)
    except TypeError as error:
        raise SettingsError(f"{section}.options: {settings.kind}: {error}") from error
    scorer: Scorer = scorer_class(**settings.options)
    return scorer
