"""How well the picture fits some words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scorers.heads import Linear
from stream_processor.errors import SettingsError

SEPARATOR = "::"
MOST = 10.0
"""The largest weight."""


@dataclass(frozen=True)
class Prompt:
    """``weight`` is not 0. Below, moments are wanted that do not show what ``text`` says."""

    text: str
    weight: float = 1.0


def parse_prompts(texts: Sequence[str]) -> tuple[Prompt, ...]:
    """Each ``WORDS`` or ``WORDS::WEIGHT``, as in "people laughing::0.5" or "end credits::-1"; without a weight it is 1.

    Two colons, because a single one may be part of the words ("the score is 3:2"). SettingsError: no words, or no such weight.
    """
    return tuple(_parse(text) for text in texts)


def _parse(text: str) -> Prompt:
    words, separator, weight = text.rpartition(SEPARATOR)
    words = " ".join((words if separator else text).split())
    if not words:
        raise SettingsError(f'--prompt {text!r} has no words in it: say what the moments should show, such as "people laughing"')
    try:
        number = float(weight) if separator else 1.0
    except ValueError:
        number = math.nan
    if not 0 < abs(number) <= MOST:
        raise SettingsError(
            f"--prompt {text!r}: what follows {SEPARATOR} is the prompt's weight, a number from {-MOST:g} to {MOST:g} and not 0"
        )
    return Prompt(words, number)


def prompt_head(prompts: Sequence[Prompt], embedded: npt.NDArray[np.float32]) -> Linear:
    """Mean cosine between a picture's embedding and those of the prompts, float32 (n, d), each counted by its weight: −1 to 1.

    A. Radford et al., "Learning transferable visual models from natural language supervision", ICML 2021: picture and words lie
    in one space. What fits differs by a few hundredths from what does not (0.2 to 0.35): only the order means something.
    """
    weights = np.array([prompt.weight for prompt in prompts])
    return Linear(weights @ embedded.astype(np.float64) / np.abs(weights).sum())
