"""What is the device's fault, and what would go wrong anywhere."""

import subprocess
import sys

import pytest

from scorers.device_errors import trouble_of
from stream_processor.errors import ScorerError

SHORT = [
    "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 23.68 GiB",
    "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.",
]
LOST = [
    "CUDA error: an illegal memory access was encountered\nCompile with `TORCH_USE_CUDA_DSA`",
    "CUDA error: unspecified launch failure",
    "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`",
    "No CUDA GPUs are available",
    "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU",
]
ORDINARY = [
    RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
    RuntimeError("Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!"),
    NotImplementedError("Could not run 'aten::x' with arguments from the 'CUDA' backend"),
    ValueError("3 results for 4 panes of CUDA frames"),
    ScorerError("novelty.pretrained: no such weights"),
]


@pytest.mark.parametrize("text", SHORT)
def test_a_device_short_of_memory_is_told_by_what_it_says(text: str) -> None:
    trouble = trouble_of(RuntimeError(text))
    assert trouble is not None
    assert trouble.is_memory


@pytest.mark.parametrize("text", LOST)
def test_a_lost_device_is_told_by_what_it_says(text: str) -> None:
    trouble = trouble_of(RuntimeError(text))
    assert trouble is not None
    assert not trouble.is_memory


@pytest.mark.parametrize("error", ORDINARY, ids=str)
def test_other_errors_are_not_the_device_s(error: Exception) -> None:
    assert trouble_of(error) is None


def test_the_host_may_be_short_of_memory_as_well() -> None:
    assert trouble_of(MemoryError()) == (True, "MemoryError")


def test_a_stated_cause_counts() -> None:
    error = ScorerError("the batch could not be embedded")
    error.__cause__ = RuntimeError("CUDA out of memory.")
    assert trouble_of(error) == (True, "CUDA out of memory.")


def test_the_words_are_one_line_of_bearable_length() -> None:
    trouble = trouble_of(RuntimeError("CUDA error: " + "very " * 100 + "lost\nand more"))
    assert trouble is not None
    assert len(trouble.words) == 161
    assert "\n" not in trouble.words


def test_pytorch_s_own_classes_count_whatever_they_say() -> None:
    import torch

    assert trouble_of(torch.cuda.OutOfMemoryError("")) == (True, "OutOfMemoryError")
    assert trouble_of(torch.AcceleratorError("the card has fallen off the bus")) == (False, "the card has fallen off the bus")
    assert trouble_of(torch.AcceleratorError("CUDA error: out of memory")) == (True, "CUDA error: out of memory")


def test_pytorch_is_not_imported_to_find_out() -> None:
    script = (
        "import sys; from scorers.ladder import trouble_of, free_cached_memory;"
        "assert trouble_of(RuntimeError('CUDA out of memory')); free_cached_memory(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
