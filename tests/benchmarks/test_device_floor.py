"""The least work on paper."""

import pytest
import torch

from benchmarks.device_floor import Work, embedding_work, floor_ms, flow_work, milliseconds
from benchmarks.vit import B32, TINY, Tower


def test_a_tower_has_the_parameters_that_its_shape_tells() -> None:
    matrices = [each for name, each in Tower(TINY).named_parameters() if each.dim() > 1 and name != "places"]
    assert sum(each.numel() for each in matrices) == TINY.parameters


def test_vit_b32_takes_what_its_authors_say() -> None:
    assert B32.parameters == pytest.approx(87.5e6, rel=0.01)
    assert B32.flops == pytest.approx(8.8e9, rel=0.02)  # 4.4 G multiplications and additions


def test_flow_grows_with_the_pixels() -> None:
    small, large = flow_work(180, 320), flow_work(360, 640)
    assert large.bytes / small.bytes == pytest.approx(4, rel=0.02)
    assert large.flops / small.flops == pytest.approx(4, rel=0.02)


def test_the_weights_are_read_once_for_a_batch() -> None:
    one, two = embedding_work(B32, 1, 2), embedding_work(B32, 2, 2)
    assert two.flops == 2 * one.flops
    assert two.bytes < 1.1 * one.bytes


def test_the_floor_is_whatever_takes_longer() -> None:
    assert floor_ms(Work(100, 1), flops_a_second=1000, bytes_a_second=1000) == 100
    assert floor_ms(Work(1, 100), flops_a_second=1000, bytes_a_second=1000) == 100


def test_each_round_is_timed_and_the_warm_up_is_not() -> None:
    calls: list[None] = []
    assert len(milliseconds(lambda: calls.append(None), "cpu", rounds=3)) == 3
    assert len(calls) == 4


def test_a_tower_gives_an_embedding_per_picture() -> None:
    with torch.inference_mode():
        assert Tower(TINY)(torch.zeros(3, 3, 64, 64)).shape == (3, TINY.out)
