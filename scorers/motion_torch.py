"""How fast the picture moves: the optical flow of ``scorers.motion``, for all channels at once, on a device."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
import numpy.typing as npt
import torch

from scorers.farneback import Farneback
from scorers.flow import is_pair
from stream_processor.records import Frames, Pane, Samples

MAX_SIZES = 8
"""So many frame sizes keep their constants on the device: 5 MB for 320×180."""

Float64s = npt.NDArray[np.float64]
Size = tuple[int, int]


@dataclass
class LastLuma:
    """What flow needs of the past: the last luma frame, uint8 (height, width) on the device, and its time in epoch seconds."""

    luma: torch.Tensor | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class _Run:
    """A pane's frames after the last one before them: uint8 (n, height, width) on the device, with their times.

    ``pairs`` are the frames from which movement to the next one is measured.
    """

    luma: torch.Tensor
    times: Float64s
    pairs: npt.NDArray[np.int64]

    @property
    def size(self) -> Size:
        return int(self.luma.shape[1]), int(self.luma.shape[2])

    def samples(self, pixels: Float64s) -> Samples:
        """From the mean flow of each pair, in pixels. A sample has the time of its second frame."""
        after = self.times[self.pairs + 1]
        return Samples(after, pixels / self.size[0] / (after - self.times[self.pairs]))


class TorchFlow:
    """Mean magnitude of Farnebäck's flow between consecutive sampled frames, in frame heights per second.

    G. Farnebäck, "Two-frame motion estimation based on polynomial expansion", SCIA 2003, as ``scorers.farneback`` has it, on
    ``device`` (cpu, cuda or cuda:N), wherever the frames lie. The pairs of a whole batch that have the same frame size are
    measured together, ``max_pairs`` at once at the most (``scorers.farneback.workspace_mb`` says what memory that takes), and
    read back once. Values depend on the batch in their last bits only. A ``score`` that raises leaves all memories as they were.
    """

    signal = "motion"

    def __init__(self, device: str = "cpu", max_pairs: int = 32) -> None:
        self.device = device
        self.max_pairs = max_pairs
        self._flows: dict[Size, Farneback] = {}

    def start(self) -> LastLuma:
        return LastLuma()

    def score(self, batch: Sequence[tuple[LastLuma, Pane]]) -> list[Samples]:
        runs: dict[int, _Run] = {}
        last = {id(memory): memory for memory, _ in batch}
        with torch.inference_mode():
            for index, (memory, pane) in enumerate(batch):
                if pane.frames is not None and len(pane.frames.times):
                    run = runs[index] = self._run(last[id(memory)], pane.frames)
                    last[id(memory)] = LastLuma(run.luma[-1], float(run.times[-1]))
            pixels = self._mean_flows(list(runs.values()))
            # Copies: the pane's own frames may be reused once it is scored.
            kept = {key: now.luma.clone() for key, now in last.items() if now.luma is not None}
        for memory, _ in batch:
            memory.luma, memory.seconds = kept.get(id(memory)), last[id(memory)].seconds
        samples = {index: run.samples(mine) for (index, run), mine in zip(runs.items(), pixels, strict=True)}
        return [samples.get(index, Samples.none()) for index in range(len(batch))]

    def _run(self, last: LastLuma, frames: Frames) -> _Run:
        luma, times = frames.luma, frames.times
        if isinstance(luma, np.ndarray):
            luma = luma.copy()  # panes are read-only, which PyTorch does not know and warns of
        luma = torch.as_tensor(luma, device=self.device)
        if last.luma is not None and last.luma.shape == luma.shape[1:]:
            luma, times = torch.cat([last.luma[None], luma]), np.concatenate([[last.seconds], times])
        pairs = [index for index, (before, after) in enumerate(pairwise(times.tolist())) if is_pair(before, after)]
        return _Run(luma, times, np.array(pairs, np.int64))

    def _mean_flows(self, runs: Sequence[_Run]) -> list[Float64s]:
        """For each run the mean flow of its pairs, in pixels."""
        by_size = sorted(range(len(runs)), key=lambda index: runs[index].size)
        chunks = [
            (self._flow(size), *chunk)
            for size, same in groupby((runs[index] for index in by_size), key=lambda run: run.size)
            for chunk in _chunks(list(same), self.max_pairs)
        ]
        if not chunks:
            return [np.empty(0) for _ in runs]
        measured = torch.cat([flow.mean_flow(frames, first) for flow, frames, first in chunks]).cpu().numpy().astype(np.float64)
        parts = np.split(measured, np.cumsum([len(runs[index].pairs) for index in by_size])[:-1])
        return [part for _, part in sorted(zip(by_size, parts, strict=True), key=lambda each: each[0])]

    def _flow(self, size: Size) -> Farneback:
        if size not in self._flows:
            if len(self._flows) == MAX_SIZES:
                del self._flows[next(iter(self._flows))]
            self._flows[size] = Farneback(*size, device=self.device)
        return self._flows[size]


def _chunks(runs: Sequence[_Run], max_pairs: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Runs of one frame size, as ``Farneback.mean_flow`` takes them: the frames that ``max_pairs`` pairs need, and the pairs."""
    luma = torch.cat([run.luma for run in runs])
    begins = np.cumsum([0, *(len(run.times) for run in runs[:-1])])
    pairs = np.concatenate([begin + run.pairs for begin, run in zip(begins, runs, strict=True)])
    for start in range(0, len(pairs), max_pairs):
        some = pairs[start : start + max_pairs]
        needed = np.union1d(some, some + 1)
        first = np.searchsorted(needed, some)
        yield luma[torch.as_tensor(needed, device=luma.device)], torch.as_tensor(first, device=luma.device)
