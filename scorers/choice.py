"""Which form of novelty this machine can run: settled before the first pane is scored, with the reason."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scorers import fetch
from scorers.device_errors import free_cached_memory, trouble_of
from scorers.embedding import FASTEST, Embedder, choose_device, load_embedder, seconds_to_embed
from scorers.novelty_clip import ClipNovelty
from scorers.novelty_light import LightNovelty
from scorers.weights import Weights, any_cached, find_weights
from stream_processor.contracts import Scorer
from stream_processor.errors import ScorerError
from stream_processor.settings import NoveltySettings

DEVICE_SHARE = 0.25
"""Part of the time that embedding may take: more, and it would not keep up beside flow and decoding."""

FPS_ON_CPU, FPS_ON_CUDA = 1.0, 5.0


@dataclass(frozen=True)
class Choice:
    """``kind`` is ``clip`` or ``light``; ``reason`` one line for the log, the dashboard and the sidecars."""

    kind: str
    reason: str
    scorer: Scorer


@dataclass(frozen=True)
class Clip:
    """An image tower, and the weights that it was loaded from: ``path`` is their file."""

    weights: Weights
    path: Path
    embedder: Embedder


def choose_novelty(settings: NoveltySettings, *, device: str, threads: int = 0, max_mb: float = 0.0) -> Choice:
    """The scorer for ``novelty.kind`` auto, clip or light. May take long where weights are there or can be fetched.

    ``threads`` and ``max_mb`` as ``load_embedder`` has them. May be called in any thread, and the scorer used in another.
    ScorerError: ``clip`` is asked for and cannot be had, or weights are named that do not exist or do not fit. ``auto``
    with the default weights never fails: without them, or on a device too slow for them, it is ``light``.
    """
    clip = choose_clip(settings, device=device, threads=threads, max_mb=max_mb)
    if isinstance(clip, str):
        return _light(clip)
    on_cuda = clip.embedder.device.startswith("cuda")
    novelty = ClipNovelty(clip.embedder, picture_fps=settings.fps or (FPS_ON_CUDA if on_cuda else FPS_ON_CPU))
    if settings.kind == "clip":
        return Choice("clip", f"as configured: {_in_words(settings, novelty)}", novelty)
    try:
        share = device_share(novelty)
    except RuntimeError as error:
        return _light(f"CLIP cannot be had on {device}: {_trouble(error)}")
    if share > DEVICE_SHARE:
        return _light(f"CLIP would take {share:.0%} of the time on {clip.embedder.device}, more than {DEVICE_SHARE:.0%}")
    return Choice("clip", f"{_in_words(settings, novelty)}: takes {share:.0%} of the time on {clip.embedder.device}", novelty)


def choose_clip(settings: NoveltySettings, *, device: str, threads: int = 0, max_mb: float = 0.0) -> Clip | str:
    """The image tower that the settings name, however slow it is here; or the reason why it is to be done without, in one line.

    As ``choose_novelty`` otherwise. PyTorch is imported only where weights are there or can be fetched.
    """
    if settings.kind == "light":
        return "as configured"
    if settings.kind == "clip":
        try:
            return _load(settings, device, threads, max_mb, fetch_seconds=None)
        except RuntimeError as error:
            raise ScorerError(f"novelty.kind: clip cannot be had on {device}: {_trouble(error)}") from error
    named = _named_weights(settings)
    if named is None and not any_cached() and (reason := _why_not_fetch(settings.fetch_seconds)):
        return f"no CLIP weights are cached, and {reason}"
    try:
        return _load(settings, device, threads, max_mb, fetch_seconds=settings.fetch_seconds)
    except ScorerError as error:
        if named is not None and named.checkpoint is not None:
            raise
        return str(error)
    except RuntimeError as error:
        return f"CLIP cannot be had on {device}: {_trouble(error)}"


def device_share(clip: ClipNovelty) -> float:
    """Part of real time that one channel's embeddings take on this machine now: the better of two batches of a second each."""
    frames = max(1, round(clip.picture_fps))
    pictures = [np.zeros((frames, clip.picture_size, clip.picture_size * 16 // 9, 3), np.uint8)]
    return seconds_to_embed(clip.embedder, pictures, rounds=2) * clip.picture_fps / frames


def _trouble(error: RuntimeError) -> str:
    """The device's trouble (no room, lost) in words; any other RuntimeError is a bug and raised on."""
    trouble = trouble_of(error)
    if trouble is None:
        raise error
    words = trouble.words
    error.__traceback__ = None  # it holds what was on the device
    free_cached_memory()
    return words


def _in_words(settings: NoveltySettings, clip: ClipNovelty) -> str:
    return f"{settings.model}, {settings.pretrained}, in {clip.embedder.arithmetic}"


def _named_weights(settings: NoveltySettings) -> Weights | None:
    """The weights, if they are not the default ones: whoever names some wants to hear that they do not exist."""
    defaults = NoveltySettings()
    if (settings.model, settings.pretrained) == (defaults.model, defaults.pretrained):
        return None
    return find_weights(settings.model, settings.pretrained)


def _light(reason: str) -> Choice:
    return Choice("light", reason, LightNovelty())


def _why_not_fetch(fetch_seconds: float) -> str | None:
    """The cheap answer, without importing PyTorch: an offline machine must not wait."""
    if not fetch.is_allowed() or fetch_seconds == 0:
        return "fetching is switched off"
    return None if fetch.can_reach_hub() else f"{fetch.hub()} cannot be reached"


def _load(settings: NoveltySettings, device: str, threads: int, max_mb: float, *, fetch_seconds: float | None) -> Clip:
    weights = find_weights(settings.model, settings.pretrained)
    path = weights.fetched(fetch_seconds)
    embedder = load_embedder(weights, path, device=choose_device(device), arithmetic=FASTEST, threads=threads, max_mb=max_mb)
    return Clip(weights, path, embedder)
