"""What ``main doctor`` found, and how good or bad it is."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """``fail``: the main job cannot run as configured. ``warn``: it runs, with less. ``hint`` says what to do."""

    level: Literal["ok", "warn", "fail"]
    text: str
    hint: str = ""
