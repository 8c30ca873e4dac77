"""Silero VAD: loaded from a file or a package, and a file that is none says so in one line."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scorers import silero
from scorers.at_16_khz import CHUNK_SAMPLES
from scorers.silero import CONTEXT_SAMPLES, Heard, Silero, installed_model
from stream_processor.errors import ScorerError
from tests.scorers.sounds import read_wave, tone

Find = Callable[[str], Path]


def test_it_tells_speech_from_a_tone(models: Find, media: Find) -> None:
    detector = Silero(models("silero_vad/silero_vad.onnx"))
    sound, _ = read_wave(media("silero_test_speech.wav"))
    speech = sound[: 60 * CHUNK_SAMPLES].reshape(-1, CHUNK_SAMPLES)
    hum = tone(2, 16000)[: 60 * CHUNK_SAMPLES].reshape(-1, CHUNK_SAMPLES)
    assert np.median(detector.probabilities(detector.start(), speech)) > 0.9
    assert np.median(detector.probabilities(detector.start(), hum)) < 0.1


def test_it_is_the_network_with_the_context_and_the_state_that_its_authors_describe(models: Find, media: Find) -> None:
    import onnxruntime

    path = models("silero_vad/silero_vad.onnx")
    sound, _ = read_wave(media("silero_test_speech.wav"))
    sound = sound[: 40 * CHUNK_SAMPLES]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    expected, state = [], np.zeros((2, 1, 128), np.float32)
    padded = np.concatenate([np.zeros(CONTEXT_SAMPLES, np.float32), sound])
    for begin in range(0, len(sound), CHUNK_SAMPLES):
        seen = padded[begin : begin + CONTEXT_SAMPLES + CHUNK_SAMPLES][None]
        found, state = session.run(None, {"input": seen, "state": state, "sr": np.array(16000, np.int64)})
        expected.append(found[0, 0])
    got = Silero(path).probabilities(Heard(), sound.reshape(-1, CHUNK_SAMPLES))
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        ScorerError, match=r"^speech.model: no file .*gone.onnx: set speech.model to .*, or pip install silero-vad$"
    ):
        Silero(tmp_path / "gone.onnx")


@pytest.mark.parametrize("content", [b"", b"no model at all, but words", bytes(range(256)) * 40], ids=["empty", "words", "bytes"])
def test_a_file_that_is_no_model(tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.onnx").write_bytes(content)
    with pytest.raises(ScorerError, match=r"^speech.model: .*bad.onnx is n[^\n]*$"):
        Silero(tmp_path / "bad.onnx")
    assert capfd.readouterr().err == ""


def test_a_model_for_something_else(models: Find) -> None:
    words = r"^speech.model: .* is not Silero VAD 5 or 6: it takes input instead of input, sr, state$"
    with pytest.raises(ScorerError, match=words):
        Silero(models("ultraface/version-RFB-320.onnx"))


def test_the_model_of_an_installed_package_is_found_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silero, "PACKAGES", {"brings_a_model": "data/silero_vad.onnx"})
    assert installed_model() is None
    package = tmp_path / "brings_a_model"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert installed_model() is None  # an older version of it, say
    (package / "data" / "silero_vad.onnx").write_bytes(b"weights")
    assert installed_model() == package / "data" / "silero_vad.onnx"
    assert "brings_a_model" not in sys.modules
