"""What both forms of the motion scorer share: Farnebäck's parameters, and which two frames make a pair."""

from typing import NamedTuple

MAX_GAP_SECONDS = 2.0
"""Two frames further apart than this are not a movement but a hole."""


class Parameters(NamedTuple):
    """Those of OpenCV's calcOpticalFlowFarneback, with the values that its documentation made common but for ``iterations``.

    ``levels``: halvings of the picture, at the most; ``winsize``: side in pixels of the box that is averaged over,
    odd; ``poly_n``: radius in pixels of the polynomial's neighbourhood, weighted by a Gaussian of ``poly_sigma`` pixels.
    A third iteration changes hardly any rank and no detection, and costs a fifth to a half (``benchmarks flow``).
    """

    levels: int = 3
    winsize: int = 15
    iterations: int = 2
    poly_n: int = 5
    poly_sigma: float = 1.2


PARAMETERS = Parameters()


def is_pair(before_seconds: float, seconds: float) -> bool:
    """May movement be measured between two frames of these times?"""
    return 0 < seconds - before_seconds <= MAX_GAP_SECONDS
