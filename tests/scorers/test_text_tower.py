"""Words to vectors, by the text tower in the same file as the image tower."""

from pathlib import Path

import numpy as np
import pytest

from scorers.text_tower import embed_texts
from scorers.weights import find_weights
from stream_processor.errors import ScorerError, SettingsError
from tests.scorers.conftest import TinyClip

TEXTS = ["a goal celebration", "people laughing", "snow"]


def embedded(clip: TinyClip, texts: list[str]) -> np.ndarray:
    return embed_texts(find_weights(clip.model, str(clip.checkpoint)), clip.checkpoint, texts)


def test_words_become_what_open_clip_itself_makes_of_them(tiny_words: TinyClip) -> None:
    import open_clip
    import torch

    model = open_clip.create_model(tiny_words.model, str(tiny_words.checkpoint)).eval()
    with torch.inference_mode():
        expected = model.encode_text(open_clip.get_tokenizer(tiny_words.model)(TEXTS)).numpy()
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    vectors = embedded(tiny_words, TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_each_text_has_its_own_vector_beside_others_too(tiny_words: TinyClip) -> None:
    together = embedded(tiny_words, TEXTS)
    np.testing.assert_allclose(together[1:2], embedded(tiny_words, TEXTS[1:2]), atol=1e-6)
    assert not np.allclose(together[0], together[1], atol=1e-3)


def test_a_prompt_longer_than_the_model_reads_is_refused(tiny_words: TinyClip) -> None:
    embedded(tiny_words, ["one " * 14])
    with pytest.raises(SettingsError, match="the model reads 16 tokens and it has 17, shorten it"):
        embedded(tiny_words, ["snow", "one " * 15])


def test_a_model_that_cannot_read_these_words_is_said_in_one_line(tiny_clip: TinyClip) -> None:
    """It knows 64 words."""
    with pytest.raises(ScorerError, match=r"novelty\.model: tiny cannot read prompts") as raised:
        embedded(tiny_clip, TEXTS)
    assert "\n" not in str(raised.value)


def test_another_file_is_refused(tiny_words: TinyClip, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ScorerError, match="does not hold weights of tiny-words"):
        embed_texts(find_weights(tiny_words.model, str(path)), path, TEXTS)
