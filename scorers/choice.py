"""Which form of novelty this machine can run: settled before the first pane is scored, with the reason."""

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scorers import fetch
from scorers.embedding import Embedder, choose_device, load_embedder
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


def choose_novelty(settings: NoveltySettings, *, device: str) -> Choice:
    """The scorer for ``novelty.kind`` auto, clip or light. May take long where weights are there or can be fetched.

    ScorerError: ``clip`` is asked for and cannot be had, or weights are named that do not exist or do not fit. ``auto``
    with the default weights never fails: without them, or on a device too slow for them, it is ``light``.
    """
    if settings.kind == "light":
        return _light("as configured")
    if settings.kind == "clip":
        clip = _load(settings, device=device, fetch_seconds=None)
        return Choice("clip", f"as configured: {settings.model}, {settings.pretrained}", clip)
    named = _named_weights(settings)
    if named is None and not any_cached() and (reason := _why_not_fetch(settings.fetch_seconds)):
        return _light(f"no CLIP weights are cached, and {reason}")
    try:
        clip = _load(settings, device=device, fetch_seconds=settings.fetch_seconds)
    except ScorerError as error:
        if named is not None and named.checkpoint is not None:
            raise
        return _light(str(error))
    share = device_share(clip)
    if share > DEVICE_SHARE:
        return _light(f"CLIP would take {share:.0%} of the time on {clip.embedder.device}, more than {DEVICE_SHARE:.0%}")
    return Choice(
        "clip", f"{settings.model}, {settings.pretrained}: takes {share:.0%} of the time on {clip.embedder.device}", clip
    )


def device_share(clip: ClipNovelty) -> float:
    """Part of real time that one channel's embeddings take on this machine now: the better of two batches of a second each."""
    frames = max(1, round(clip.picture_fps))
    pictures = [np.zeros((frames, clip.picture_size, clip.picture_size * 16 // 9, 3), np.uint8)]
    clip.embedder.embed(pictures)  # the first call makes buffers and kernels
    return min(_seconds_to_embed(clip.embedder, pictures) for _ in range(2)) * clip.picture_fps / frames


def _seconds_to_embed(embedder: Embedder, pictures: list[npt.NDArray[np.uint8]]) -> float:
    start = time.perf_counter()
    embedder.embed(pictures)
    return time.perf_counter() - start


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


def _load(settings: NoveltySettings, *, device: str, fetch_seconds: float | None) -> ClipNovelty:
    weights = find_weights(settings.model, settings.pretrained)
    path = weights.fetched(fetch_seconds)
    embedder = load_embedder(weights, path, device=choose_device(device))
    on_cuda = embedder.device.startswith("cuda")
    return ClipNovelty(embedder, picture_fps=settings.fps or (FPS_ON_CUDA if on_cuda else FPS_ON_CPU))
