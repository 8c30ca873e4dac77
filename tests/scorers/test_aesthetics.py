"""LAION's aesthetic head, against its own published rating fixtures; and files that are none."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scorers.aesthetics import load_head
from stream_processor.errors import ScorerError

RATINGS = [-1.47, 0.27, 1.99, 3.61, 5.09, 6.39, 7.67, 8.92, 9.92, 11.01]
"""Of LAION's fixtures, by its own head, in their order."""


def save(path: Path, **tensors: object) -> Path:
    import torch

    torch.save(tensors, path)
    return path


def test_the_published_fixtures_are_rated_as_published(models: Callable[[str], Path]) -> None:
    path = models("laion_aesthetic/sa_0_4_vit_b_32_linear.pth")
    looks = np.concatenate([np.load(path.parent / f"rating{rating}.npy") for rating in range(10)])
    ratings = load_head(path, dimensions=512, model="ViT-B-32")(looks)
    np.testing.assert_allclose(ratings, RATINGS, atol=0.01)
    assert (np.diff(ratings) > 0).all()


def test_the_real_head_for_a_larger_model_is_refused_with_what_to_do(models: Callable[[str], Path]) -> None:
    path = models("laion_aesthetic/sa_0_4_vit_b_32_linear.pth")
    with pytest.raises(ScorerError, match="for embeddings of 512 numbers, and ViT-L-14 gives 768: name the head of that model"):
        load_head(path, dimensions=768, model="ViT-L-14")


def test_a_head_is_its_weight_and_bias(tmp_path: Path) -> None:
    import torch

    path = save(tmp_path / "head.pth", weight=torch.tensor([[1.0, 2.0]]), bias=torch.tensor([0.5]))
    assert load_head(path, dimensions=2, model="m")(np.array([[0.6, 0.8]], np.float32)) == pytest.approx([0.6 + 1.6 + 0.5])


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.path,)


def test_nothing_in_the_file_is_run(tmp_path: Path) -> None:
    import torch

    path, proof = tmp_path / "head.pth", tmp_path / "it-ran"
    torch.save({"weight": Evil(proof), "bias": torch.zeros(1)}, path)
    with pytest.raises(ScorerError, match="holds no aesthetic head"):
        load_head(path, dimensions=2, model="m")
    assert not proof.exists()


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", pickle.dumps({"weight": 1}), b"PK\x03\x04 torn"])
def test_a_file_of_another_kind_is_said_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "head.pth"
    path.write_bytes(content)
    with pytest.raises(ScorerError, match=r"aesthetics\.head: .*head\.pth holds no aesthetic head") as raised:
        load_head(path, dimensions=512, model="m")
    assert "\n" not in str(raised.value)


def test_heads_of_another_shape_are_refused(tmp_path: Path) -> None:
    import torch

    for weight, bias in [
        (torch.zeros(2, 512), torch.zeros(2)),
        (torch.zeros(512), torch.zeros(1)),
        (torch.zeros(1, 512), torch.zeros(3)),
        (torch.full((1, 512), float("nan")), torch.zeros(1)),
    ]:
        with pytest.raises(ScorerError, match="holds no aesthetic head"):
            load_head(save(tmp_path / "head.pth", weight=weight, bias=bias), dimensions=512, model="m")
