"""What a prompt may look like, and what becomes of several."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.prompt import Prompt, parse_prompts, prompt_head
from stream_processor.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "words", "weight"),
    [
        ("a goal celebration", "a goal celebration", 1.0),
        ("people laughing::0.5", "people laughing", 0.5),
        ("  people   laughing :: 2 ", "people laughing", 2.0),
        ("end credits::-1", "end credits", -1.0),
        ("the score is 3:2", "the score is 3:2", 1.0),
        ("std::vector::3", "std::vector", 3.0),
    ],
)
def test_words_and_perhaps_a_weight(text: str, words: str, weight: float) -> None:
    assert parse_prompts([text]) == (Prompt(words, weight),)


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "::1", "  ::0.5"])
def test_an_empty_prompt_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SettingsError, match="has no words in it: say what") as raised:
        parse_prompts(["fine", text])
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("weight", ["", "much", "0", "-0.0", "nan", "inf", "11", "-1e9", "0.5.1"])
def test_a_weight_that_is_none_is_refused(weight: str) -> None:
    with pytest.raises(SettingsError, match=r"a number from -10 to 10 and not 0"):
        parse_prompts([f"people laughing::{weight}"])


unit_vectors = st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda v: np.linalg.norm(v) > 0.1)


@given(st.lists(st.tuples(unit_vectors, st.floats(0.1, 10)), min_size=1, max_size=4), unit_vectors)
def test_it_is_the_mean_of_the_cosines_by_weight(weighted: list[tuple[list[float], float]], look: list[float]) -> None:
    vectors = np.array([vector for vector, _ in weighted], np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    seen = np.array([look], np.float32) / np.linalg.norm(look)
    weights = [weight for _, weight in weighted]
    head = prompt_head([Prompt("any", weight) for weight in weights], vectors)
    expected = np.average((vectors @ seen.T)[:, 0], weights=weights)
    assert head(seen.astype(np.float32))[0] == pytest.approx(expected, abs=1e-5)


def test_what_is_not_wanted_counts_against_a_picture() -> None:
    head = prompt_head([Prompt("crowd"), Prompt("credits", -1.0)], np.eye(2, dtype=np.float32))
    crowd, credits_ = head(np.eye(2, dtype=np.float32))
    assert (crowd, credits_) == (0.5, -0.5)
