"""The quickest of what is exact enough, told by times that are given here and by real conversions of the tiny CLIP."""

from collections.abc import Callable

import pytest

from scorers import embedding, quickest
from scorers.arithmetic import is_exact_enough
from scorers.embedding import FASTEST, load_embedder
from scorers.weights import find_weights
from tests.scorers.conftest import TinyClip


def test_the_fastest_is_the_quickest_that_is_exact_enough_and_quicker_than_32_bits(
    tiny_clip: TinyClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = find_weights(tiny_clip.model, str(tiny_clip.checkpoint))

    def chosen(enough: Callable[[object, object], bool], **milliseconds: float) -> str:
        names = [name for name in milliseconds if name != "fp32"]
        monkeypatch.setattr(quickest, "candidates", lambda device: names)
        monkeypatch.setattr(quickest, "is_exact_enough", enough)
        monkeypatch.setattr(embedding, "seconds_to_embed", lambda embedder, pictures: milliseconds[embedder.arithmetic] / 1000)
        return load_embedder(weights, tiny_clip.checkpoint, device="cpu", arithmetic=FASTEST).arithmetic

    assert chosen(is_exact_enough, fp32=100, int8=40, bf16=50) == "int8"
    assert chosen(is_exact_enough, fp32=100, int8=50, bf16=40) == "bf16"
    assert chosen(is_exact_enough, fp32=100, int8=90, bf16=85) == "fp32"
    assert chosen(lambda got, wanted: False, fp32=100, int8=40, bf16=50) == "fp32"
    assert chosen(is_exact_enough, fp32=100) == "fp32"
    monkeypatch.setattr("scorers.int8.in_bytes", _no_such_layer)
    assert chosen(is_exact_enough, fp32=100, int8=40, bf16=50) == "bf16"


def _no_such_layer(network: object) -> None:
    raise AttributeError("'ByteLinear' object has no attribute 'weight'")
