"""What files that belong to one video are called, and how times are written for people. Pure."""

from collections.abc import Sequence
from pathlib import Path

from stream_processor.naming import safe_name


def file_names(paths: Sequence[Path]) -> list[str]:
    """One for each video, without an ending: its own name made fit for any file system, numbered where several would be alike."""
    names: list[str] = []
    taken: set[str] = set()
    for path in paths:
        plain = safe_name(path.stem)
        name, number = plain, 2
        while name.casefold() in taken:
            name, number = f"{plain}_{number}", number + 1
        taken.add(name.casefold())
        names.append(name)
    return names


def printable(text: str) -> str:
    """For pictures and lists: control characters, and what is no text at all (file names may hold any byte), become a mark."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def clock(seconds: float, *, decimals: int = 0) -> str:
    """``1:02:03``, ``2:03`` or, with one decimal, ``2:03.4``; rounded down."""
    scale = 10**decimals
    ticks = int(max(seconds, 0.0) * scale + 1e-6)
    whole, rest = divmod(ticks, scale)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
    return f"{text}.{rest:0{decimals}d}" if decimals else text
