"""Which scorers a CUDA card gets, in what memory, and what takes their place when it gives up. Has not run on a card yet.

::

    motion    Farnebäck on the card, ever fewer pairs at once ─▶ OpenCV's on the CPU
    novelty   CLIP on the card, ever fewer pictures at once, then ever fewer pictures ─▶ the light form on the CPU
"""

from collections.abc import Callable

from scorers.device_errors import trouble_of
from scorers.farneback import workspace_mb
from scorers.ladder import Ladder, Rung
from scorers.motion import OpticalFlow
from scorers.motion_torch import TorchFlow
from scorers.novelty_clip import ClipNovelty
from scorers.novelty_light import LightNovelty
from scorers.sparing import FewerPictures, halve
from stream_processor.errors import ScorerError

_MOST_PAIRS = 64
FLOW_SHARE = 0.25
"""Part of ``device.max_mb`` that optical flow may take for a batch; embeddings, weights and frames have the rest."""
_ON_THE_CPU = "on the CPU"
CONTEXT_MB = 500.0
"""What CUDA's context and libraries take before anything is computed, about; it differs from card to card."""
SURFACES_MB = 75.0
"""What NVDEC takes for a channel of 1080p at the most (``hardware.surfaces_mb``)."""


def left_for_scoring_mb(max_mb: float, *, channels: int) -> float:
    """Of ``max_mb`` for the whole program what is left for scoring and frames; 0 stays 0, no limit. ScorerError: nothing."""
    if not max_mb:
        return 0.0
    left_mb = max_mb - CONTEXT_MB - channels * SURFACES_MB
    if left_mb <= 0:
        needed_mb = CONTEXT_MB + channels * SURFACES_MB
        raise ScorerError(
            f"device.max_mb = {max_mb:g}: CUDA itself and decoding take about {needed_mb:.0f} MB; or use --device cpu"
        )
    return left_mb


def bound_memory(device: str, max_mb: float) -> None:
    """Let PyTorch take no more than ``max_mb`` (10⁶ bytes) of the card, 0: all there is. ScorerError: the card is not there."""
    import torch

    if not max_mb:
        return
    index = torch.device(device).index or 0
    try:
        whole = torch.cuda.get_device_properties(index).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, max_mb * 1e6 / whole), index)
    except (RuntimeError, AssertionError) as error:  # AssertionError: PyTorch without CUDA
        trouble = trouble_of(error)
        raise ScorerError(f"device.max_mb: {device} cannot be asked ({trouble.words if trouble else error})") from error


def motion_on(device: str, *, max_mb: float, frame: tuple[int, int]) -> Ladder:
    """``frame``: (height, width) of analysis frames as they mostly are, which says how many pairs fit into the budget."""
    pairs = pairs_within(max_mb, frame)
    return Ladder(
        "motion",
        [
            Rung("farneback", lambda: TorchFlow(device, pairs), lambda flow: halve(flow, "max_pairs", "pairs"), f"on {device}"),
            Rung("farneback", OpticalFlow, where=_ON_THE_CPU),
        ],
    )


def pairs_within(max_mb: float, frame: tuple[int, int]) -> int:
    """Pairs of frames at once, at most 64, whose workspace is no more than a quarter of ``max_mb``; 0 MB: no such bound."""
    if not max_mb:
        return _MOST_PAIRS
    per_pair_mb = workspace_mb(*frame, pairs=1, frames=2)
    return max(1, min(_MOST_PAIRS, int(max_mb * FLOW_SHARE / per_pair_mb)))


def novelty_on(device: str, clip: ClipNovelty) -> Ladder:
    """``clip`` belongs to the ladder from now on: whoever else holds it holds its memory on the card."""
    held = [clip]
    del clip
    return Ladder(
        "novelty", [Rung("clip", _handed_over(held), _spare, f"on {device}"), Rung("light", LightNovelty, where=_ON_THE_CPU)]
    )


def _handed_over(held: list[ClipNovelty]) -> Callable[[], FewerPictures]:
    return lambda: FewerPictures(held.pop())


def _spare(pictures: FewerPictures) -> str | None:
    return halve(pictures.scorer.embedder, "max_batch", "pictures") or pictures.take_fewer()
