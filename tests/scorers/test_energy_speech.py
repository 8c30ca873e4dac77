"""Speech by its loudness: what stands out of the background, held over the gaps within words."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scorers.at_16_khz import CHUNK_SAMPLES
from scorers.energy_speech import HANG_CHUNKS, SUREST, EnergySpeech, levels_db
from tests.scorers.sounds import Floats, noise, read_wave, tone

DETECTOR = EnergySpeech()


def chunks(sound: Floats) -> Floats:
    return sound[: len(sound) // CHUNK_SAMPLES * CHUNK_SAMPLES].reshape(-1, CHUNK_SAMPLES)


def test_levels_are_those_of_what_lies_in_the_band() -> None:
    half_power = 10 * np.log10(0.3**2 / 2)
    assert levels_db(chunks(tone(1, 16000, hertz=1000))) == pytest.approx(half_power, abs=0.5)
    assert (levels_db(chunks(tone(1, 16000, hertz=60))) < half_power - 30).all()
    assert (levels_db(chunks(tone(1, 16000, hertz=6000))) < half_power - 30).all()


def test_a_voice_over_noise_is_found_while_it_lasts() -> None:
    #  noise 2 s │ tone and noise 1 s │ noise 2 s
    sound = noise(5, 16000, level=0.003)
    sound[32000:48000] += tone(1, 16000, hertz=800, level=0.2)
    found = DETECTOR.probabilities(DETECTOR.start(), chunks(sound))
    assert (found[10:62] < 0.35).all()
    assert (found[64:92] == SUREST).all()  # never as sure as one who knows voices
    assert (found[94 + HANG_CHUNKS :] < 0.35).all()


def test_a_gap_within_a_word_is_no_pause() -> None:
    sound = noise(3, 16000, level=0.001)
    sound[16000:20000] += tone(0.25, 16000, hertz=800)
    sound[21500:26000] += tone(4500 / 16000, 16000, hertz=800)  # 94 ms later
    found = DETECTOR.probabilities(DETECTOR.start(), chunks(sound))
    assert (found[33:49] > 0.5).all()


def test_steady_sound_becomes_the_background() -> None:
    found = DETECTOR.probabilities(DETECTOR.start(), chunks(noise(10, 16000)))
    assert (found[:100] > 0.5).all()  # nothing else was heard so far
    assert (found[200:] < 0.35).all()


def test_silence_has_no_speech_in_it() -> None:
    assert DETECTOR.probabilities(DETECTOR.start(), np.zeros((300, CHUNK_SAMPLES), np.float32)).max() < 1e-6


def test_its_background_takes_no_more_room_with_time() -> None:
    memory = DETECTOR.start()
    DETECTOR.probabilities(memory, chunks(noise(40, 16000)))
    assert len(memory.smooth) + len(memory.levels) + len(memory.raw) < 200


def test_it_agrees_with_the_network_about_recorded_speech(media: Callable[[str], Path], models: Callable[[str], Path]) -> None:
    from scorers.silero import Silero

    sound, _ = read_wave(media("silero_test_speech.wav"))
    network = Silero(models("silero_vad/silero_vad.onnx"))
    expected = network.probabilities(network.start(), chunks(sound)) >= 0.5
    got = DETECTOR.probabilities(DETECTOR.start(), chunks(sound)) >= 0.5
    assert (got == expected).mean() > 0.9
    assert got[expected].mean() > 0.95  # what it misses is worse than what it takes for speech
