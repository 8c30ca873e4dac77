"""How many channels one device scores, what each costs, and how far that is from what the device could do.

Scoring needs torch and numpy only; OpenCV is a reference and open_clip the tower where they are installed. Without a CUDA device
``--device cpu`` runs the same code with one and two channels, to see that it works.
"""

import gc
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks import nvdec
from benchmarks.device_floor import Ceilings, ceilings, embedding_work, floor_ms, flow_work, milliseconds
from benchmarks.device_load import FLOW_FPS, PICTURES_AT_ONCE, Load, Sizes, moving, parts, way
from benchmarks.report import Cell, Report, RunSettings, Skipped, Spread, Table
from benchmarks.vit import B32, Shape, Tower
from scorers.farneback import Farneback

CHANNELS = (1, 8, 32, 64, 128, 256)
QUICK_CHANNELS = (1, 8, 64)
COMPILED_CHANNELS = (1, 32)
"""Each shape is compiled anew, for a minute or so."""
CLIP_FPS = (0, 1, 5)
COSINE, RELATIVE_ERROR = 0.99, 0.05
"""What is wrong is not worth timing."""

SCORING = (
    "mode", "CLIP, fps", "channels", "upload, ms", "flow, ms", "CLIP, ms", "whole second, ms", "per channel, ms",
    "channels per device", "flow / floor", "CLIP / floor", "memory, MB",
)  # fmt: skip


class Case(NamedTuple):
    """``clip_fps``: pictures a second and channel; 0: no CLIP."""

    mode: str
    clip_fps: int
    channels: int


@dataclass(frozen=True)
class Plan:
    """What is run: on which device, how often, and with which tower."""

    device: str
    cases: Sequence[Case]
    rounds: int
    sizes: Sizes = Sizes()  # noqa: RUF009 — frozen
    shape: Shape = B32
    ceiling: tuple[int, int] = (512, 8192)
    """Megabytes copied and the side of the matrices multiplied to find the ceilings."""
    plain_tower: bool = False

    @property
    def dtype(self) -> torch.dtype:
        return torch.float16 if self.device.startswith("cuda") else torch.float32


def run(settings: RunSettings) -> Report:
    return measured(plan(settings), settings.say, quick=settings.quick)


def plan(settings: RunSettings) -> Plan:
    """Skipped: no CUDA device, and the CPU was not asked for."""
    if settings.device == "cpu":
        cases = [Case("eager", clip_fps, channels) for clip_fps in (0, 1) for channels in (1, 2)]
        return Plan("cpu", cases, 1 if settings.quick else 3, ceiling=(64, 1024), plain_tower=settings.quick)
    if not torch.cuda.is_available():
        raise Skipped("no CUDA device; --device cpu runs the same code with one and two channels")
    device = "cuda:0" if settings.device in ("auto", "cuda") else settings.device
    channels = QUICK_CHANNELS if settings.quick else CHANNELS
    cases = [Case(mode, clip_fps, count) for mode in ("eager", "graph") for clip_fps in CLIP_FPS for count in channels]
    cases += [Case("compile", CLIP_FPS[-1], count) for count in COMPILED_CHANNELS]
    return Plan(device, cases, 5 if settings.quick else 20)


def measured(asked: Plan, say: Callable[[str], None], *, quick: bool = False) -> Report:
    if asked.device.startswith("cuda"):
        torch.cuda.set_device(asked.device)
    with torch.inference_mode():
        tower, what = _tower(asked)
        checks = [*check_flow(asked), *check_tower(asked, tower)]
        say("correct; now the ceilings")
        limits = ceilings(asked.device, rounds=asked.rounds, megabytes=asked.ceiling[0], side=asked.ceiling[1])
        tower = tower.to(asked.device, asked.dtype)
        rows, notes = _scoring(asked, tower, limits, say)
    decoding, why_not = nvdec.table(asked.device, quick=quick)
    tables = [
        Table("Correctness, before timing", ("what", "found", "bound"), checks),
        Table("Ceilings, measured, and the floor on paper", ("what", "value", "unit"), _floors(asked, limits)),
        Table("Scoring one second of stream of all channels", SCORING, rows),
        *([decoding] if decoding is not None else []),
    ]
    precision, (height, width) = str(asked.dtype).removeprefix("torch."), asked.sizes.frame
    return Report(
        f"gpu: {_name(asked.device)}",
        tables,
        [
            f"{what}, {precision}; flow at {width}×{height}, {FLOW_FPS} fps.",
            "Upload is from pinned memory, not overlapped; the whole second is upload, flow, CLIP and the numbers' way back.",
            "Floor: the larger of arithmetic and memory traffic on paper, each at its measured ceiling.",
            *notes,
            *([f"Decoding: {why_not}."] if why_not else []),
        ],
    )


# ---- correct? --------------------------------------------------------------------------------------------------------


def check_flow(asked: Plan) -> list[Sequence[Cell]]:
    """Mean magnitudes on the device against OpenCV where there is one, else against the same code on the CPU."""
    frames = moving(7, 4, *asked.sizes.frame)
    first = np.concatenate([np.arange(3) + 4 * number for number in range(7)])
    flat = torch.from_numpy(frames).flatten(0, 1)
    pairs = torch.from_numpy(first)
    there = Farneback(*asked.sizes.frame, device=asked.device).mean_flow(flat.to(asked.device), pairs.to(asked.device))
    if importlib.util.find_spec("cv2") is not None:
        from scorers.motion import mean_flow

        reference, pictures = "OpenCV", flat.numpy()
        here = np.array([mean_flow(pictures[at], pictures[at + 1]) for at in first.tolist()])
    else:
        reference = "the CPU"
        here = Farneback(*asked.sizes.frame).mean_flow(flat, pairs).numpy()
    worst = float((np.abs(there.cpu().numpy() - here) / np.maximum(here, 0.1)).max())
    _demand(worst <= RELATIVE_ERROR, f"flow is off by {worst:.1%} from {reference}")
    return [(f"flow, largest relative error of a mean magnitude against {reference}", worst, RELATIVE_ERROR)]


def check_tower(asked: Plan, tower: Any) -> list[Sequence[Cell]]:
    """Embeddings on the device against float64 on the CPU. Leaves the tower on the CPU in float32."""
    pictures = torch.randn(4, 3, asked.sizes.seen, asked.sizes.seen, generator=torch.Generator().manual_seed(3))
    here = tower.to("cpu", torch.float64)(pictures.double())
    there = tower.to(asked.device, asked.dtype)(pictures.to(asked.device, asked.dtype)).cpu().double()
    tower.to("cpu", torch.float32)
    least = float(torch.cosine_similarity(here, there).min())
    _demand(least >= COSINE, f"an embedding has cosine {least:.4f} to float64's")
    return [("CLIP, least cosine to float64 on the CPU", least, COSINE)]


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise RuntimeError(otherwise)


def _tower(asked: Plan) -> tuple[Any, str]:
    torch.manual_seed(0)
    if not asked.plain_tower and importlib.util.find_spec("open_clip") is not None:
        import open_clip

        tower = open_clip.create_model("ViT-B-32-quickgelu", pretrained=None).visual
        return tower.eval().requires_grad_(False), "open_clip's ViT-B-32-quickgelu, random weights"
    return Tower(asked.shape).eval().requires_grad_(False), "a tower of ViT-B/32's shape, random weights"


# ---- fast? -----------------------------------------------------------------------------------------------------------


def _scoring(asked: Plan, tower: Any, limits: Ceilings, say: Callable[[str], None]) -> tuple[list[Sequence[Cell]], list[str]]:
    rows: list[Sequence[Cell]] = []
    notes: list[str] = []
    for case in asked.cases:
        name = f"{case.mode}, CLIP at {case.clip_fps} fps, {case.channels} channels"
        say(name)
        try:
            rows.append(_row(asked, case, tower, limits))
        except Exception as error:  # out of memory, no compiler, a graph that cannot be captured: the rest goes on
            line = str(error).strip().partition("\n")[0][:160]
            notes.append(f"{name}: {type(error).__name__}: {line}")
        _tidy(asked.device, case.mode)
    if not rows:
        raise RuntimeError(f"nothing could be timed: {notes[0]}")
    return rows, notes


def _row(asked: Plan, case: Case, tower: Any, limits: Ceilings) -> Sequence[Cell]:
    mode, clip_fps, channels = case
    flow, embed = parts(mode, tower, asked.sizes, asked.device)
    load = Load(channels, clip_fps, device=asked.device, flow=flow, tower=embed, dtype=asked.dtype, sizes=asked.sizes)
    load.upload()
    score = way(mode, load.score)

    def second() -> None:
        load.upload()
        score()
        load.download()

    def clock(step: Callable[[], Any]) -> Spread:
        return Spread.of(milliseconds(step, asked.device, rounds=asked.rounds))

    whole = clock(second)
    # Within a graph the two cannot be told apart from outside: each is captured on its own then.
    flow_ms = clock(way(mode, load.flow))
    clip_ms = clock(way(mode, load.embed)) if clip_fps else None
    flow_floor, clip_floor = _floor(asked, channels, clip_fps, limits)
    return (
        mode, clip_fps, channels, clock(load.upload), flow_ms, clip_ms, whole, whole.median / channels,
        int(1000 * channels / whole.median), flow_ms.median / flow_floor, clip_ms.median / clip_floor if clip_ms else None,
        torch.cuda.max_memory_allocated(asked.device) / 1e6 if asked.device.startswith("cuda") else None,
    )  # fmt: skip


def _floor(asked: Plan, channels: int, clip_fps: int, limits: Ceilings) -> tuple[float, float]:
    """Milliseconds at least for flow and for CLIP."""
    flow = floor_ms(flow_work(*asked.sizes.frame).times(channels * FLOW_FPS), limits.plain, limits.copy)
    batches = [min(PICTURES_AT_ONCE, channels * clip_fps - at) for at in range(0, channels * clip_fps, PICTURES_AT_ONCE)]
    works = [embedding_work(asked.shape, batch, asked.dtype.itemsize) for batch in batches]
    return flow, sum(floor_ms(work, limits.matrix, limits.copy) for work in works)


def _floors(asked: Plan, limits: Ceilings) -> list[Sequence[Cell]]:
    pair, picture = flow_work(*asked.sizes.frame), embedding_work(asked.shape, 1, asked.dtype.itemsize)
    batch = embedding_work(asked.shape, 64, asked.dtype.itemsize)
    return [
        ("copy within the device, read and written", limits.copy / 1e9, "GB/s"),
        ("upload from pinned memory", limits.upload / 1e9, "GB/s"),
        (f"matrix product, {str(asked.dtype).removeprefix('torch.')}, for CLIP", limits.matrix / 1e12, "TFLOP/s"),
        ("matrix product, float32, for flow", limits.plain / 1e12, "TFLOP/s"),
        ("flow, arithmetic per pair", pair.flops / 1e6, "MFLOP"),
        ("flow, memory traffic per pair", pair.bytes / 1e6, "MB"),
        ("flow, floor per pair", 1000 * floor_ms(pair, limits.plain, limits.copy), "µs"),
        ("CLIP, arithmetic per picture", picture.flops / 1e9, "GFLOP"),
        ("CLIP, weights read per batch", asked.shape.parameters * asked.dtype.itemsize / 1e6, "MB"),
        ("CLIP, floor of one picture", 1000 * floor_ms(picture, limits.matrix, limits.copy), "µs"),
        ("CLIP, floor per picture in batches of 64", 1000 * floor_ms(batch, limits.matrix, limits.copy) / 64, "µs"),
    ]


def _tidy(device: str, mode: str) -> None:
    gc.collect()
    if mode == "compile":
        torch.compiler.reset()
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def _name(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else "dry run on the CPU"
