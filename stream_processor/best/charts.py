"""What the drawings of ``main best`` share: matplotlib without a screen and without global state, and its colours."""

import warnings
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#332288", "#8C6D31", "#7F7F7F", "#882255")
"""Told apart by colour-blind people, too (after Okabe and Ito)."""
INK, FAINT, CHOSEN, REJECTED = "#1B1F24", "#9AA1AB", "#D55E00", "#5B6470"
_DPI = 130


def figure(width_inches: float, height_inches: float) -> Figure:
    made = Figure(figsize=(width_inches, height_inches), dpi=_DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(made)
    return made


def save(made: Figure, *paths: Path) -> None:
    """In the format that each path's ending says."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a letter that DejaVu Sans does not have is drawn as a box
        for path in paths:
            made.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
