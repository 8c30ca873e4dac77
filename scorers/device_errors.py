"""Which errors of a scorer are its device's: short of memory, or lost. PyTorch is not imported to find out."""

import re
import sys
from contextlib import suppress
from typing import Any, NamedTuple

_MOST_WORDS = 160
_SAYS_MEMORY = re.compile(
    r"out of memory|can't allocate memory|not enough memory|(CUBLAS|CUDNN|CUSOLVER)_STATUS_(ALLOC_FAILED|NOT_INITIALIZED)",
    re.IGNORECASE,
)
"""A library that cannot make its handle is nearly always short of memory, too."""
_SAYS_DEVICE = re.compile(r"CUDA|CUDNN|cuDNN|CUBLAS|cuBLAS|CUSOLVER|NVML|NVIDIA driver")
"""As they spell themselves: "cuda:0" in small letters is what a mistake in a scorer says."""


class Trouble(NamedTuple):
    """``is_memory``: less at once may help. Else the device is lost to this process, or does not work. ``words``: one line."""

    is_memory: bool
    words: str


def trouble_of(error: BaseException | None) -> Trouble | None:
    """None: an ordinary error, which would come again on any device. An error's stated cause counts as itself."""
    while error is not None:
        text = str(error)
        if _is_memory(error, text):
            return Trouble(True, _in_short(error))
        if _is_device(error, text):
            return Trouble(False, _in_short(error))
        error = error.__cause__
    return None


def free_cached_memory() -> None:
    """Give back what PyTorch holds of CUDA devices for later, where it is loaded and uses one."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        with suppress(RuntimeError):  # of a lost device
            torch.cuda.empty_cache()


def _is_memory(error: BaseException, text: str) -> bool:
    if isinstance(error, (MemoryError, *_torch_classes("OutOfMemoryError"))):
        return True
    return _may_be_device(error) and _SAYS_MEMORY.search(text) is not None


def _is_device(error: BaseException, text: str) -> bool:
    if isinstance(error, _torch_classes("AcceleratorError")):
        return True
    return _may_be_device(error) and _SAYS_DEVICE.search(text) is not None


def _may_be_device(error: BaseException) -> bool:
    """PyTorch says with NotImplementedError, which is a RuntimeError, that a kernel does not exist: a mistake of the scorer."""
    return isinstance(error, RuntimeError) and not isinstance(error, NotImplementedError)


def _torch_classes(name: str) -> tuple[Any, ...]:
    """Of a PyTorch that is loaded and has it; older ones have no AcceleratorError."""
    found = getattr(sys.modules.get("torch"), name, None)
    return () if found is None else (found,)


def _in_short(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else type(error).__name__
    return text if len(text) <= _MOST_WORDS else text[:_MOST_WORDS] + "…"
