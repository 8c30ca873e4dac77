"""One second of stream of many channels on a device, scored as the engine's batch is there. Needs torch and numpy."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from scorers.farneback import Farneback

FLOW_FPS = 5
CHANNELS_AT_ONCE = 32
"""Flow measures the pairs of so many together: 160, which take some 1.5 GB at 320×180."""
PICTURES_AT_ONCE = 256

Tensor = torch.Tensor
Flow = Callable[[Tensor, Tensor], Tensor]
Embed = Callable[[Tensor], Tensor]
Step = Callable[[], None]


class Sizes(NamedTuple):
    """Pixels, (height, width): of analysis frames, of pictures as they are uploaded, and of the square that the tower sees."""

    frame: tuple[int, int] = (180, 320)
    picture: tuple[int, int] = (224, 398)
    seen: int = 224


class Load:
    """Memory and steps for ``channels`` channels. Nothing depends on values or is read back but in ``download``.

    ``clip_fps``: pictures a second; 0: none. ``flow`` takes frames and first indices as ``Farneback.mean_flow`` does,
    ``tower`` normalised pictures in ``dtype``.
    """

    def __init__(
        self,
        channels: int,
        clip_fps: int,
        *,
        device: str,
        flow: Flow,
        tower: Embed,
        dtype: torch.dtype,
        sizes: Sizes = Sizes(),  # noqa: B008 — frozen
    ) -> None:
        self._flow, self._tower, self._dtype, self._sizes = flow, tower, dtype, sizes
        height, width = sizes.frame
        pinned = device.startswith("cuda")
        planes = torch.from_numpy(moving(channels, FLOW_FPS, height * 3 // 2, width))
        self._host_planes = planes.pin_memory() if pinned else planes
        self._planes = torch.empty_like(planes, device=device)
        self._luma = torch.zeros(channels, FLOW_FPS + 1, height, width, dtype=torch.uint8, device=device)
        starts = torch.arange(channels, device=device)[:, None] * (FLOW_FPS + 1) + torch.arange(FLOW_FPS, device=device)
        self._first = starts[:CHANNELS_AT_ONCE].reshape(-1)
        self._moved = torch.zeros(channels * FLOW_FPS, device=device)

        pictures = torch.from_numpy(moving(channels * clip_fps, 3, *sizes.picture).transpose(0, 2, 3, 1).copy())
        self._host_pictures = pictures.pin_memory() if pinned and clip_fps else pictures
        self._pictures = torch.empty_like(pictures, device=device)
        self._mean = torch.tensor([0.4815, 0.4578, 0.4082], device=device).view(1, 3, 1, 1)
        self._std = torch.tensor([0.2686, 0.2613, 0.2758], device=device).view(1, 3, 1, 1)
        self._embedded: list[Tensor] = []
        self.uploaded_bytes = self._host_planes.numel() + self._host_pictures.numel()

    def upload(self) -> None:
        self._planes.copy_(self._host_planes, non_blocking=True)
        self._pictures.copy_(self._host_pictures, non_blocking=True)

    def flow(self) -> None:
        """The last frame of the second before, then this second's: five pairs per channel."""
        height = self._sizes.frame[0]
        self._luma[:, 0] = self._luma[:, FLOW_FPS]
        self._luma[:, 1:] = self._planes[:, :, :height]
        for at in range(0, len(self._luma), CHANNELS_AT_ONCE):
            frames = self._luma[at : at + CHANNELS_AT_ONCE].flatten(0, 1)
            first = self._first[: len(frames) // (FLOW_FPS + 1) * FLOW_FPS]
            self._moved[at * FLOW_FPS : at * FLOW_FPS + len(first)] = self._flow(frames, first)

    def embed(self) -> None:
        parts = self._pictures.split(PICTURES_AT_ONCE) if len(self._pictures) else ()
        self._embedded = [functional.normalize(self._tower(self._prepared(part)).float(), dim=-1) for part in parts]

    def _prepared(self, rgb: Tensor) -> Tensor:
        """uint8 (n, h, w, 3) to the square in the middle, normalised, (n, 3, s, s)."""
        seen, (height, width) = self._sizes.seen, self._sizes.picture
        top, left = (height - seen) // 2, (width - seen) // 2
        square = rgb[:, top : top + seen, left : left + seen].permute(0, 3, 1, 2).float() / 255
        return ((square - self._mean) / self._std).to(self._dtype)

    def score(self) -> None:
        self.flow()
        self.embed()

    def download(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Pixels of movement per pair, (channels * 5,), and embeddings, (channels * clip_fps, d)."""
        with torch.inference_mode():
            embedded = torch.cat(self._embedded) if self._embedded else torch.empty(0, 0)
            return self._moved.cpu().numpy(), embedded.cpu().numpy()

    def second(self) -> None:
        """All of it, from pinned memory to numbers."""
        self.upload()
        self.score()
        self.download()


def moving(count: int, frames: int, height: int, width: int) -> npt.NDArray[np.uint8]:
    """uint8 (count, frames, height, width): smooth random texture, which each of ``count`` moves over at its own speed."""
    rng = np.random.default_rng(7)
    coarse = rng.integers(0, 256, (height // 4 + 24, width // 4 + 24)).astype(np.float32)
    for axis in (0, 1):  # bilinear growth to four times the size
        coarse = np.stack([coarse * (1 - t) + np.roll(coarse, -1, axis) * t for t in (0, 0.25, 0.5, 0.75)], axis + 1)
        shape = (-1, coarse.shape[-1]) if axis == 0 else (coarse.shape[0], -1)
        coarse = coarse.reshape(shape)
    texture = coarse.astype(np.uint8)
    pictures = np.empty((count, frames, height, width), np.uint8)
    for number, frame in np.ndindex(count, frames):
        down, across = frame * (number % 4), frame * (1 + number % 7)
        pictures[number, frame] = texture[down : down + height, across : across + width]
    return pictures


# ---- ways of running it ----------------------------------------------------------------------------------------------


def graphed(step: Step) -> Step:
    """A step of a load as one CUDA graph."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    replay: Step = graph.replay
    return replay


def parts(mode: str, tower: Any, sizes: Sizes, device: str) -> tuple[Flow, Embed]:
    """Flow and tower, through torch.compile for fixed shapes where the mode is ``compile``."""
    flow = Farneback(*sizes.frame, device=device).mean_flow
    if mode != "compile":
        return flow, tower
    return torch.compile(flow, dynamic=False), torch.compile(tower, dynamic=False)


def way(mode: str, step: Step) -> Step:
    """The step as ``eager``, ``graph`` or ``compile`` has it."""
    return graphed(step) if mode == "graph" else step
