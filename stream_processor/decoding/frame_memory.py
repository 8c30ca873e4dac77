"""Where sampled frames lie between decoding and scoring: preallocated, and used again without a word.

``device_memory`` has the forms for a CUDA device; this one is the host's.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np


class FrameMemory(Protocol):
    """Blocks for the frames of one pane each, filled one after the other. Used by one thread.

    Blocks, their slots and what ``seal`` gives are uint8 (n, \\*shape): numpy arrays, or torch tensors on the scoring device.
    """

    def take(self) -> Any:
        """The next block to fill: ``block[i]`` is the slot of frame i."""
        ...

    def grow(self, block: Any) -> Any:
        """A block of twice the room with the same frames, where timestamps crowd one pane; the old one is given up."""
        ...

    def seal(self, block: Any | None, count: int) -> Any:
        """The block's first ``count`` frames as the pane carries them; a block of None has none.

        They stay as they are until the next ``blocks`` − 1 panes with frames have been sealed.
        """
        ...


MakeMemory = Callable[[int, int, tuple[int, ...]], FrameMemory]
"""``make(blocks, frames, shape)``: so many panes, so many frames in each, one frame's shape."""


class HostRing:
    """One numpy array uint8 (blocks, frames, \\*shape), whose blocks are taken in turn. The pane carries a view of it."""

    def __init__(self, blocks: int, frames: int, shape: tuple[int, ...]) -> None:
        self._blocks = np.empty((blocks, frames, *shape), np.uint8)
        self._next = 0

    def take(self) -> Any:
        block = self._blocks[self._next]
        self._next = (self._next + 1) % len(self._blocks)
        return block

    def grow(self, block: Any) -> Any:
        return np.concatenate([block, np.empty_like(block)])

    def seal(self, block: Any | None, count: int) -> Any:
        return self._blocks[0, :0] if block is None else block[:count]
