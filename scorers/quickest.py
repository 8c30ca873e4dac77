"""Which arithmetic embeds quickest on this machine, of those that are exact enough: tried at the start, with the very weights."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import structlog

from scorers.arithmetic import FLOAT32, LARGEST_SHARE, candidates, is_exact_enough, trial_pictures
from scorers.tower import in_short

log = structlog.get_logger(__name__)


class Embeds(Protocol):
    """What is needed of an ``embedding.Embedder`` here."""

    picture_size: int

    def embed(self, pictures: Sequence[Any]) -> list[npt.NDArray[np.float32]]: ...


Embedder = TypeVar("Embedder", bound=Embeds)


def quickest(
    make: Callable[[str, str], Embedder], seconds_to_embed: Callable[[Embedder, Sequence[Any]], float], device: str
) -> Embedder:
    """``make`` is given a device and an arithmetic; a RuntimeError, TypeError or AttributeError of it: that cannot be had.

    All are held against float32 on the CPU, whatever the device: that needs no memory there. On a CPU the quickest is taken
    for one picture, which is what a pane of one channel brings there.
    """
    exact = make("cpu", FLOAT32)
    pictures = trial_pictures(exact.picture_size)
    wanted = exact.embed([pictures])[0]
    best: Embedder | None = None
    best_seconds = seconds_to_embed(exact, [pictures[:1]]) * LARGEST_SHARE if device == "cpu" else math.inf
    for arithmetic in candidates(device):
        try:
            quick = make(device, arithmetic)
            if is_exact_enough(quick.embed([pictures])[0], wanted):
                seconds = seconds_to_embed(quick, [pictures[:1]])
                if seconds <= best_seconds:
                    best, best_seconds = quick, seconds
        except (RuntimeError, TypeError, AttributeError) as error:  # a layer of that tower cannot do without its 32 bits
            log.debug("an arithmetic cannot be had", arithmetic=arithmetic, reason=in_short(error))
    return best or (exact if device == "cpu" else make(device, FLOAT32))
