"""In which arithmetic a network runs on a device, and by whom: eight bits, half precision, or the 32 bits of its weights.

What is quicker is taken only where it is tried and found exact enough with the very weights, and on a CPU also quicker.
Imports PyTorch when used.
"""

import copy
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

FLOAT32 = "fp32"
ARITHMETICS = (FLOAT32, "bf16", "fp16", "int8")
"""By PyTorch itself."""

OPENVINO = {"openvino bf16": "bf16", "openvino fp32": "f32"}
"""By OpenVINO on a CPU, where it is installed, and how it calls that precision."""

LEAST_COSINE = 0.999
"""An embedding may be off by a thousandth (1 − cos): a tenth of what a calm second differs from the one before."""

LEAST_RANK_CORRELATION = 0.95
"""Which pair of pictures differs more is what novelty is about. Where all embeddings lie close, a cosine alone proves nothing."""

LARGEST_SHARE = 0.8
"""Part of the time of ``fp32`` that another arithmetic may take on a CPU. Otherwise it is not worth its error."""

Floats = npt.NDArray[np.float32]


def candidates(device: str) -> tuple[str, ...]:
    """What may be quicker than ``fp32`` on a device. CPUs without the instructions would only be slower."""
    if device.startswith("cuda"):
        return ("fp16",)
    import torch

    can = {
        "int8": ("_is_vnni_supported", "_is_avx512_vnni_supported"),
        "bf16": ("_is_avx512_bf16_supported", "_is_amx_tile_supported"),
    }
    names = tuple(name for name, checks in can.items() if any(getattr(torch.cpu, check, bool)() for check in checks))
    if find_spec("openvino") is None:
        return names
    return ("openvino bf16" if "bf16" in names else "openvino fp32", *names)


def converted(network: Any, arithmetic: str) -> Any:
    """A float32 network on the CPU, or its copy in another arithmetic. Nothing is held twice in 32 bits."""
    import torch

    if arithmetic == FLOAT32:
        return network
    if arithmetic == "int8":
        from scorers.int8 import in_bytes

        return in_bytes(network)
    dtype = input_type(arithmetic)
    halves: dict[int, Any] = {
        id(weight): torch.nn.Parameter(weight.detach().to(dtype), requires_grad=False) for weight in network.parameters()
    }
    return copy.deepcopy(network, halves).to(dtype)


def input_type(arithmetic: str) -> Any:
    """What type of tensor a network in this arithmetic takes."""
    import torch

    return {"fp16": torch.float16, "bf16": torch.bfloat16}.get(arithmetic, torch.float32)


def is_exact_enough(got: Floats, wanted: Floats) -> bool:
    """Whether embeddings, unit vectors (n, d), are as those of ``fp32``: each near its own, and their differences in order."""
    if not np.isfinite(got).all() or (got * wanted).sum(axis=1).min() < LEAST_COSINE:
        return False
    return rank_correlation(_differences(got), _differences(wanted)) >= LEAST_RANK_CORRELATION


def rank_correlation(a: Floats, b: Floats) -> float:
    """Spearman's, for values without ties; 1 where one of them does not vary."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 1.0
    apart = np.argsort(np.argsort(a)) - np.argsort(np.argsort(b))
    return 1 - 6 * float((apart**2).sum()) / (len(a) * (len(a) ** 2 - 1))


def trial_pictures(size: int) -> npt.NDArray[np.uint8]:
    """uint8 (8, size, size, 3), always the same: a scene that turns into others, hardly at first and then more and more."""
    random = np.random.default_rng(5)
    scenes = [_scene(random, size)]
    for change in (0.02, 0.05, 0.1, 0.15, 0.2, 0.4, 1.0):
        scenes.append((1 - change) * scenes[-1] + change * _scene(random, size))
    return np.stack(scenes).clip(0, 255).astype(np.uint8)


def _scene(random: np.random.Generator, size: int) -> npt.NDArray[np.float64]:
    """Blotches of all sizes, fainter the smaller they are, as natural pictures have them."""
    scene = np.full((size, size, 3), 128.0)
    for cells in (1, 2, 4, 8, 16, 32):
        at = np.arange(size) * cells // size
        scene += random.normal(0, 60 / np.sqrt(cells), (cells, cells, 3))[at][:, at]
    return scene


def _differences(vectors: Floats) -> Floats:
    """1 − cos of all pairs, (n (n − 1) / 2,)."""
    rows, columns = np.triu_indices(len(vectors), k=1)
    return 1 - (vectors @ vectors.T)[rows, columns]
