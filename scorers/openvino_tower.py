"""An image tower on the CPU by OpenVINO, Intel's runtime for inference: an optional extra, imported when used.

Converting takes seconds and is done once: the converted network, its weights in 16 bits, is kept beside the hub's cache and
mapped into memory from there. So a later start takes half a second, and the tower in 32 bits is not needed any more.
"""

import hashlib
import shutil
import sys
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from scorers.footprint import count_activations, footprint
from scorers.tower import in_short

KEPT = 3
"""Converted networks that are kept at most, the newest."""

log = structlog.get_logger(__name__)


class OpenVinoTower:
    """float32 (n, 3, height, width) to float32 (n, d), as the tower that it is made of. n may be another one each time.

    ``footprint`` is that of the tower in float32. OpenVINO takes less: weights twice in 16 bits, once of them the file's pages.
    """

    def __init__(self, tower: Any, *, picture: tuple[int, int], precision: str) -> None:
        """``picture``: (height, width), ``precision``: ``bf16`` or ``f32``. RuntimeError: OpenVINO cannot do that tower.

        It computes with as many threads as PyTorch is set to here.
        """
        import torch

        example = torch.zeros(2, 3, *picture)
        with torch.inference_mode():
            activations = count_activations(tower, example[:1])
        self.footprint = footprint(tower, picture=picture, activations=activations, itemsize=example.element_size())
        try:
            self._compiled = _compiled(_kept(tower, example), precision, torch.get_num_threads())
        except Exception as error:  # it raises a dozen kinds, of which some are plain Exceptions
            raise RuntimeError(f"OpenVINO: {in_short(error)}") from error

    def __call__(self, inputs: Any) -> Any:
        import torch

        return torch.from_numpy(self._compiled(inputs.contiguous().numpy(), share_inputs=True)[0])


def kept_in() -> Path:
    """The folder of converted networks, made if need be. Any of them may be deleted at any time."""
    from huggingface_hub import cached_assets_path

    return cached_assets_path("clip-highlights", namespace="openvino", subfolder="towers")


def _openvino() -> Any:
    # Imported and at each conversion it would report to its makers over the network. Without this package it does not.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def _kept(tower: Any, example: Any) -> Any:
    """The converted network: the one that is kept if it can be read, or made anew."""
    core = _openvino().Core()
    try:
        path = kept_in() / f"{_fingerprint(tower, example)}.xml"
    except (OSError, ValueError) as error:
        log.debug("converted networks cannot be kept", reason=in_short(error))
        return _converted(tower, example)
    if path.exists():
        try:
            return core.read_model(path)
        except RuntimeError as error:
            log.debug("a converted network cannot be read", reason=in_short(error))
    converted = _converted(tower, example)
    try:
        _keep(converted, path)
        return core.read_model(path)  # what was just converted holds on to the tower's own weights
    except (OSError, RuntimeError) as error:
        log.debug("a converted network cannot be kept", reason=in_short(error))
        return converted


def _fingerprint(tower: Any, example: Any) -> str:
    """What the converted network depends on: weights, layers, the picture's size and the versions of who converts."""
    import open_clip
    import torch

    makers = (_openvino().__version__, torch.__version__, open_clip.__version__)
    layers = [type(layer).__qualname__ for layer in tower.modules()]
    digest = hashlib.blake2b(repr((makers, layers, tuple(example.shape))).encode(), digest_size=16)
    for name, weight in tower.state_dict().items():
        digest.update(f"{name} {tuple(weight.shape)}".encode())
        digest.update(weight.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _converted(tower: Any, example: Any) -> Any:
    import torch

    fast_before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # OpenVINO does not know PyTorch's fused attention
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it traces: deprecated, and layers check shapes, which stay as they are
            network = _openvino().convert_model(tower, example_input=example)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_before)
    network.reshape([-1, *example.shape[1:]])
    return network


def _keep(network: Any, path: Path) -> None:
    """Written aside and moved, the weights first: what bears its final name is whole."""
    unfinished = Path(tempfile.mkdtemp(dir=path.parent))
    try:
        _openvino().save_model(network, unfinished / path.name)
        for suffix in (".bin", ".xml"):
            (unfinished / path.name).with_suffix(suffix).replace(path.with_suffix(suffix))
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    for old in sorted(path.parent.glob("*.xml"), key=lambda kept: kept.stat().st_mtime, reverse=True)[KEPT:]:
        with suppress(OSError):  # on Windows while another process has it open
            old.unlink()
            old.with_suffix(".bin").unlink()


def _compiled(network: Any, precision: str, threads: int) -> Any:
    """Threads are not bound to cores: others live on this machine, too."""
    wishes = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
    }
    return _openvino().Core().compile_model(network, "CPU", wishes)
