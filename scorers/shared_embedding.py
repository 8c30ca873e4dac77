"""What the frames of a pane look like, found out once for all scorers that want it: an embedding each, or a light descriptor."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import structlog

from scorers.device_errors import free_cached_memory, trouble_of
from scorers.novelty_light import describe
from scorers.smaller import Smaller
from scorers.sparing import halve
from stream_processor.records import Pane

Described = tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]
"""Times, float64 (n,) in epoch seconds, and at each of them a vector of length one: float32 (n, d). n is not 0."""

log = structlog.get_logger(__name__)


class Describer(Protocol):
    def describe(self, panes: Sequence[Pane]) -> list[Described | None]:
        """For each pane; None: it shows nothing that could be described."""
        ...


class Shared:
    """Describes each pane once: what the last panes look like is remembered, and whoever asks for the same ones has it at once.

    The scorers of one lane are called one after the other with the very same panes. Used by one thread at a time.
    """

    def __init__(self, describer: Describer) -> None:
        self._describer = describer
        self._last: list[tuple[Pane, Described | None]] = []

    def describe(self, panes: Sequence[Pane]) -> list[Described | None]:
        known = {id(pane): described for pane, described in self._last}  # they are held, so no identity is given twice
        new = list({id(pane): pane for pane in panes if id(pane) not in known}.values())
        if new:
            known |= {id(pane): described for pane, described in zip(new, self._describer.describe(new), strict=True)}
            self._last = [(pane, known[id(pane)]) for pane in panes]
        return [known[id(pane)] for pane in panes]


class ByClip:
    """CLIP's embeddings of the panes' pictures. A batch for which the device has no memory is tried again in smaller ones."""

    def __init__(self, embedder: Any) -> None:
        """``embedder``: an ``embedding.Embedder``."""
        self.embedder = embedder

    def describe(self, panes: Sequence[Pane]) -> list[Described | None]:
        shown = [pane.pictures if pane.pictures is not None and len(pane.pictures.times) else None for pane in panes]
        pictures = [one.rgb for one in shown if one is not None]
        embedded = iter(self._embed(pictures) if pictures else [])
        return [None if one is None else (one.times, next(embedded)) for one in shown]

    def _embed(self, pictures: Sequence[Any]) -> Sequence[npt.NDArray[np.float32]]:
        while True:
            try:
                vectors: Sequence[npt.NDArray[np.float32]] = self.embedder.embed(pictures)
                return vectors
            except RuntimeError as error:
                trouble = trouble_of(error)
                if trouble is None or not trouble.is_memory or (less := halve(self.embedder, "max_batch", "pictures")) is None:
                    raise
                error.__traceback__ = None  # it holds what was on the device
                log.warning("embeds less at once", now=less, reason=trouble.words)
            free_cached_memory()


class ByLight:
    """The light form of novelty's descriptor (``novelty_light.describe``), of the panes' frames scaled down."""

    def __init__(self, smaller: Smaller) -> None:
        self._smaller = smaller

    def describe(self, panes: Sequence[Pane]) -> list[Described | None]:
        return [_describe(self._smaller.pane(pane)) for pane in panes]


def _describe(pane: Pane) -> Described | None:
    if pane.frames is None or not len(pane.frames.times):
        return None
    return pane.frames.times, describe(pane.frames.host).astype(np.float32)
