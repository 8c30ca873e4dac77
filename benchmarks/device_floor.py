"""What a device could do at best: its measured ceilings, and the least work that flow and embedding need on paper."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from benchmarks.vit import Shape
from scorers.flow import PARAMETERS, Parameters

Step = Callable[[], Any]


class Work(NamedTuple):
    """``flops`` counts a multiplication and an addition as two; ``bytes`` are read or written in the device's memory."""

    flops: float
    bytes: float

    def times(self, factor: float) -> "Work":
        return Work(self.flops * factor, self.bytes * factor)


class Ceilings(NamedTuple):
    """Measured. ``copy``: bytes a second read and written within the device; ``upload``: from pinned memory.

    ``matrix``: FLOP/s of a large matrix product in the towers' precision; ``plain``: of float32 arithmetic without matrix units.
    """

    copy: float
    upload: float
    matrix: float
    plain: float


def flow_work(height: int, width: int, parameters: Parameters = PARAMETERS) -> Work:
    """Of one pair, where each frame is expanded once.

    Bytes: on each level a frame's pixels are read and its expansion written (4 + 20 per pixel); an iteration reads two
    expansions and the flow and writes row sums (48 + 20), then reads those and writes the flow (20 + 8). Everything in
    between would have to stay on the chip. Arithmetic: separable kernels and running sums.
    """
    pixels, level_height, level_width = 0.0, float(height), float(width)
    for level in range(parameters.levels + 1):
        if level and min(level_height, level_width) < 32:
            break
        pixels += level_height * level_width
        level_height, level_width = level_height / 2, level_width / 2
    taps = 2 * parameters.poly_n + 1
    expansion = 2 * taps * (3 + 5)  # three kernels down the columns, five of their products along the rows
    iteration = 5 * 7 + 45 + 5 * 4 + 16  # bilinear, equations, box by running sums, solve
    flops = pixels * (expansion + parameters.iterations * iteration)
    return Work(flops, pixels * (24 + parameters.iterations * 96))


def embedding_work(shape: Shape, pictures: int, bytes_per_weight: int) -> Work:
    """Of one batch: the weights are read once, and tokens go in and out of each of a layer's four products."""
    weights = shape.parameters * bytes_per_weight
    tokens = shape.layers * shape.tokens * shape.width * (1 + 3 + 1 + 1 + 1 + 4 + 4 + 1) * bytes_per_weight
    return Work(shape.flops * pictures, weights + tokens * pictures)


def floor_ms(work: Work, flops_a_second: float, bytes_a_second: float) -> float:
    """Milliseconds: arithmetic and memory at the same time, each at its ceiling."""
    return 1000 * max(work.flops / flops_a_second, work.bytes / bytes_a_second)


# ---- measured --------------------------------------------------------------------------------------------------------


def milliseconds(step: Step, device: str, *, rounds: int) -> list[float]:
    """Of each round, after a warm-up: by CUDA events, read back at the end; on a CPU by the wall clock."""
    on_cuda = device.startswith("cuda")
    for _ in range(3 if on_cuda else 1):
        step()
    if not on_cuda:
        times = []
        for _ in range(rounds):
            begun = time.perf_counter()
            step()
            times.append((time.perf_counter() - begun) * 1000)
        return times
    torch.cuda.synchronize(device)
    marks = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(rounds)]
    for begin, end in marks:
        begin.record()
        step()
        end.record()
    torch.cuda.synchronize(device)
    return [begin.elapsed_time(end) for begin, end in marks]


def ceilings(device: str, *, rounds: int, megabytes: int = 512, side: int = 8192) -> Ceilings:
    """The best of so many rounds each. ``megabytes`` are copied, matrices of ``side`` × ``side`` multiplied."""
    on_cuda = device.startswith("cuda")

    def seconds(step: Step) -> float:
        return min(milliseconds(step, device, rounds=rounds)) / 1000

    source = torch.zeros(megabytes * 1_000_000, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    host = torch.zeros(megabytes * 1_000_000, dtype=torch.uint8, pin_memory=on_cuda)
    a = torch.randn(side, side, device=device, dtype=torch.float16 if on_cuda else torch.float32)
    b = torch.randn(side // 2, side // 2, device=device)  # in float32 PyTorch leaves the matrix units alone by default
    return Ceilings(
        copy=2 * len(source) / seconds(lambda: target.copy_(source)),
        upload=len(host) / seconds(lambda: target.copy_(host, non_blocking=True)),
        matrix=2 * side**3 / seconds(lambda: a @ a),
        plain=2 * (side // 2) ** 3 / seconds(lambda: b @ b),
    )
