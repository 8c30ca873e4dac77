"""The observer: the probability of speech through time, by the network where there is one, and the pauses that come of it."""

import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from scorers import silero
from scorers.energy_speech import EnergySpeech
from scorers.silero import Silero
from scorers.speech import Speech
from stream_processor.errors import ScorerError
from stream_processor.finishing.pauses import CHUNK_SECONDS, pauses
from stream_processor.finishing.settings import SpeechSettings
from stream_processor.records import Samples
from tests.scorers.sounds import each_second, heard, noise, read_media, read_wave, tone

Find = Callable[[str], Path]
ENERGY = Speech(SpeechSettings(kind="energy"))


@pytest.fixture(scope="module")
def network(models: Find) -> Speech:
    return Speech(SpeechSettings(kind="silero", model=models("silero_vad/silero_vad.onnx")))


# ---- which detector --------------------------------------------------------------------------------------------------


def test_without_a_model_auto_takes_loudness_and_says_in_one_line_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silero, "PACKAGES", {})
    with capture_logs() as lines:
        assert isinstance(Speech().detector, EnergySpeech)
    assert [line["event"] for line in lines] == ["speech is found by loudness alone, which cannot tell a voice from other sounds"]
    assert "speech.model" in lines[0]["reason"]
    assert "pip install silero-vad" in lines[0]["reason"]


def test_without_a_model_silero_is_an_error_that_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silero, "PACKAGES", {})
    words = r"^speech.kind = silero, and there is no model: set speech.model to .*, or pip install silero-vad$"
    with pytest.raises(ScorerError, match=words):
        Speech(SpeechSettings(kind="silero"))


@pytest.mark.parametrize("kind", ["auto", "silero"])
def test_a_model_that_is_named_must_be_one(kind: str, tmp_path: Path) -> None:
    (tmp_path / "words.onnx").write_text("no model")
    with pytest.raises(ScorerError, match="is no ONNX model"):
        Speech(SpeechSettings(kind=kind, model=tmp_path / "words.onnx"))  # type: ignore[arg-type]


def test_the_model_of_a_package_is_taken_and_a_damaged_one_leaves_loudness(
    models: Find, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silero, "PACKAGES", {"brings_speech": "data/silero_vad.onnx"})
    (tmp_path / "brings_speech" / "data").mkdir(parents=True)
    (tmp_path / "brings_speech" / "__init__.py").touch()
    model = tmp_path / "brings_speech" / "data" / "silero_vad.onnx"
    monkeypatch.syspath_prepend(tmp_path)
    model.write_bytes(models("silero_vad/silero_vad.onnx").read_bytes())
    assert isinstance(Speech().detector, Silero)
    model.write_bytes(b"half a download")
    with capture_logs() as lines:
        assert isinstance(Speech().detector, EnergySpeech)
    assert "is no ONNX model" in lines[0]["reason"]


def test_loudness_alone_loads_no_onnx_runtime() -> None:
    code = """
import sys
from scorers.speech import Speech
from stream_processor.finishing.settings import SpeechSettings
Speech(SpeechSettings(kind="energy"))
print([name for name in ("onnxruntime", "torch", "scipy") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout == "[]\n"


# ---- what every detector's samples hold to ---------------------------------------------------------------------------


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(1, 72000), max_size=10), hole=st.tuples(st.integers(0, 72000), st.integers(0, 20000)))
def test_samples_do_not_depend_on_how_the_sound_was_cut(cuts: list[int], hole: tuple[int, int]) -> None:
    sound = noise(1.5, 48000, level=0.01)
    sound[20000:40000] += tone(1, 48000)[:20000]
    sound[hole[0] : hole[0] + hole[1]] = np.nan
    whole, cut = heard(ENERGY, sound, 48000), heard(ENERGY, sound, 48000, cuts=cuts)
    np.testing.assert_array_equal(cut.times, whole.times)
    np.testing.assert_array_equal(cut.values, whole.values)


def test_the_network_hears_the_same_however_the_sound_was_cut_and_batched(network: Speech, media: Find) -> None:
    sound, rate = read_wave(media("silero_test_speech.wav"))
    sound = sound[: 6 * rate]
    whole = heard(network, sound, rate)
    cut = heard(network, sound, rate, cuts=[1, 700, 16000, 16001, 50000])
    np.testing.assert_array_equal(cut.values, whole.values)
    np.testing.assert_allclose(whole.times, np.arange(len(whole.times)) * CHUNK_SECONDS)


def test_after_a_hole_it_has_forgotten_and_in_it_there_is_nothing(network: Speech, media: Find) -> None:
    sound, rate = read_wave(media("silero_test_speech.wav"))
    torn = sound[: 6 * rate].copy()
    torn[2 * rate : 3 * rate] = np.nan
    samples = heard(network, torn, rate, cuts=each_second(torn, rate))
    after = samples.times >= 3
    alone = heard(network, torn[3 * rate :], rate)
    np.testing.assert_array_equal(samples.values[after], alone.values)
    assert not ((samples.times >= 2) & (samples.times < 3)).any()


def test_silence_is_no_speech(network: Speech) -> None:
    for scorer in (network, ENERGY):
        assert heard(scorer, np.zeros(48000, np.float32), 16000).values.max() == 0


# ---- recorded speech, and what is none -------------------------------------------------------------------------------


def speech_timestamps(probabilities: list[float]) -> list[tuple[float, float]]:
    """Silero's documented way from probabilities to stretches of speech, with its defaults, in seconds, without padding.

    Speech begins at 0.5 and ends where it stays below 0.35 for 0.1 s; what is shorter than 0.25 s is none.
    """
    found, begin, quiet_since = [], None, None
    for number, probability in enumerate([*probabilities, *[0.0] * 10]):
        now = number * CHUNK_SECONDS
        if probability >= 0.5:
            begin, quiet_since = (now if begin is None else begin), None
        elif begin is not None and probability < 0.35:
            quiet_since = now if quiet_since is None else quiet_since
            if now - quiet_since >= 0.1:
                if quiet_since - begin > 0.25:
                    found.append((begin, quiet_since))
                begin = quiet_since = None
    return found


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_pauses_lie_between_the_words_that_the_reference_finds(network: Speech, media: Find, rate: int) -> None:
    sound, own_rate = read_wave(media("silero_test_speech.wav"))
    detector = network.detector
    chunks = sound[: len(sound) // 512 * 512].reshape(-1, 512)
    words = speech_timestamps(detector.probabilities(detector.start(), chunks).tolist())
    assert len(words) == 19  # the first at 0.03 s

    resampled = soxr.resample(sound, own_rate, rate)
    trace = heard(network, resampled, rate, cuts=each_second(resampled, rate))
    found = pauses(trace, threshold=0.5, min_seconds=0.2)
    for pause in found:
        assert not any(begin < pause.end and pause.start < end for begin, end in words), pause
    gaps = [(end, begin) for (_, end), (begin, _) in pairwise(words) if begin - end >= 0.25]
    assert len(gaps) >= 14
    for gap in gaps:
        assert any(gap[0] <= pause.start and pause.end <= gap[1] for pause in found), gap


def test_loudness_alone_finds_most_of_the_same_pauses(network: Speech, media: Find) -> None:
    sound, rate = read_wave(media("silero_test_speech.wav"))
    expected = pauses(heard(network, sound, rate), threshold=0.5, min_seconds=0.3)
    found = pauses(heard(ENERGY, sound, rate), threshold=0.5, min_seconds=0.15)
    both = [pause for pause in expected if any(other.start < pause.end and pause.start < other.end for other in found)]
    assert len(both) >= 0.8 * len(expected)


def share_spoken(samples: Samples) -> float:
    return float((samples.values >= 0.5).mean())


def test_a_commentary_is_speech_and_music_a_clock_and_a_crowd_of_sounds_are_not(network: Speech, media: Find) -> None:
    assert share_spoken(heard(network, read_media(media("nasa_13013.mp4")), 48000)) > 0.7
    for name in ("bbb_0_30_720p.webm", "media3_rooftop_17s.mp4"):
        assert share_spoken(heard(network, read_media(media(name)), 48000)) < 0.05
    assert share_spoken(heard(network, read_media(media("gameplay_spaceshooter_24s.mp4")), 48000)) < 0.8


@pytest.mark.parametrize("name", ["bbb_0_30_720p.webm", "gameplay_spaceshooter_24s.mp4", "media3_rooftop_17s.mp4"])
def test_loudness_alone_finds_quiet_moments_in_music_and_in_a_game(name: str, media: Find) -> None:
    samples = heard(ENERGY, read_media(media(name)), 48000)
    assert share_spoken(samples) < 0.9
    assert pauses(samples, threshold=0.5, min_seconds=0.2)


# ---- for a cache -----------------------------------------------------------------------------------------------------


def test_it_says_which_detector_its_samples_are_by(network: Speech) -> None:
    """Samples by loudness alone must not be taken for the network's, nor those of another network."""
    assert ENERGY.depends_on == Speech(SpeechSettings(kind="energy", threshold=0.7)).depends_on
    assert network.depends_on.startswith("silero ")
    assert network.depends_on != ENERGY.depends_on
