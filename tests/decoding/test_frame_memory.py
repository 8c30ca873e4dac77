"""What every memory of frames must hold to: the host's, and those on a device, here torch's CPU device."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.decoding.device_memory import DeviceMemory, PinnedMemory
from stream_processor.decoding.frame_memory import FrameMemory, HostRing, MakeMemory
from stream_processor.frames import PaneBuilder, PaneShape, panes_at_once
from stream_processor.records import Pane

CARD = pytest.param("cuda", marks=[pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")])
BLOCKS, FRAMES, SHAPE = 3, 4, (6, 16)


@pytest.fixture(params=["cpu", CARD])
def device(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[HostRing, DeviceMemory, PinnedMemory])
def make(request: pytest.FixtureRequest, device: str) -> MakeMemory:
    if request.param is HostRing:
        return HostRing
    return lambda blocks, frames, shape: request.param(blocks, frames, shape, device=device)


def fill(memory: FrameMemory, *values: int) -> Any:
    """A pane whose frames are these numbers all over."""
    block = memory.take()
    for index, value in enumerate(values):
        if index == len(block):
            block = memory.grow(block)
        block[index][...] = value
    return memory.seal(block, len(values))


def seen(pane: Any) -> list[int]:
    array = pane if isinstance(pane, np.ndarray) else pane.cpu().numpy()
    assert array.dtype == np.uint8
    assert array.shape[1:] == SHAPE
    assert all((frame == frame.flat[0]).all() for frame in array)
    return [int(frame.flat[0]) for frame in array]


def test_a_pane_carries_what_was_written(make: MakeMemory) -> None:
    assert seen(fill(make(BLOCKS, FRAMES, SHAPE), 7, 8, 9)) == [7, 8, 9]


def test_a_pane_without_frames_still_has_their_shape(make: MakeMemory) -> None:
    memory = make(BLOCKS, FRAMES, SHAPE)
    assert seen(memory.seal(None, 0)) == []
    assert seen(memory.seal(memory.take(), 0)) == []


def test_a_pane_stays_what_it_is_until_so_many_others_have_been_sealed(make: MakeMemory) -> None:
    """
    ::

        sealed   0   1   2   3   4 …
        valid    [0   1   2]
                     [1   2   3]
    """
    memory = make(BLOCKS, FRAMES, SHAPE)
    kept: list[tuple[int, Any]] = []
    for number in range(20):
        kept = [*kept, (number, fill(memory, number, number + 100))][-BLOCKS:]
        for older, pane in kept[:-1] if len(kept) == BLOCKS else kept:
            assert seen(pane) == [older, older + 100]


def test_frames_that_crowd_one_pane_find_room(make: MakeMemory) -> None:
    memory = make(BLOCKS, FRAMES, SHAPE)
    crowded = fill(memory, *range(3 * FRAMES))
    assert [seen(fill(memory, number)) for number in range(BLOCKS - 1)] == [[number] for number in range(BLOCKS - 1)]
    assert seen(crowded) == list(range(3 * FRAMES))


def test_a_block_may_be_sealed_after_the_next_was_taken(make: MakeMemory) -> None:
    """As where the picture runs ahead of the sound."""
    memory = make(BLOCKS, FRAMES, SHAPE)
    first = memory.take()
    for index in range(3):
        first[index][...] = index
    second = memory.take()
    second[0][...] = first[2]
    assert seen(memory.seal(first, 2)) == [0, 1]
    assert seen(memory.seal(second, 1)) == [2]


# ---- under the panes -------------------------------------------------------------------------------------------------

FIVE_A_SECOND = PaneShape(
    pane_seconds=Fraction(1), fps=5.0, frame=(4, 16), picture=None, picture_fps=1.0, sample_rate=1000, blocks=1
)


def panes_of(steps: list[tuple[bool, int]], memory: MakeMemory, check: Callable[[Pane], object]) -> None:
    """``steps``: a picture, or so many hundredths of a second of sound. Frames say their own number."""
    builder = PaneBuilder(FIVE_A_SECOND, epoch=0, start_seconds=0.0, memory=memory)
    shown = heard = 0
    for is_picture, hundredths in steps:
        if is_picture:
            seconds = Fraction(shown, 5)
            done = builder.advance(seconds, seconds + Fraction(1, 5), 0.0)
            slot = builder.frame(seconds)
            if slot is not None:
                slot[...] = shown
            shown += 1
        else:
            done = builder.sound(Fraction(heard, 1000), np.zeros(hundredths * 10, np.float32), 0.0)
            heard += hundredths * 10
        for pane in done:
            check(pane)
    for pane in builder.finish():
        check(pane)


@settings(deadline=None, max_examples=60)
@given(steps=st.lists(st.tuples(st.booleans(), st.integers(1, 40)), max_size=250))
@pytest.mark.parametrize("form", [DeviceMemory, PinnedMemory])
def test_panes_are_the_same_in_every_memory_whatever_the_interleaving(form: Any, steps: list[tuple[bool, int]]) -> None:
    def frames_in(memory: MakeMemory) -> list[list[int]]:
        found: list[list[int]] = []
        valid: list[tuple[Pane, list[int]]] = []

        def check(pane: Pane) -> None:
            assert pane.frames is not None
            found.append(seen(pane.frames.planes))
            valid.append((pane, found[-1]))
            for older, numbers in valid[-FIVE_A_SECOND.blocks - panes_at_once(Fraction(1)) :]:
                assert older.frames is not None
                assert seen(older.frames.planes) == numbers

        panes_of(steps, memory, check)
        return found

    assert frames_in(lambda *room: form(*room, device="cpu")) == frames_in(HostRing)


def test_what_the_frames_will_take_is_known_beforehand() -> None:
    made: list[float] = []

    def counted(blocks: int, frames: int, shape: tuple[int, ...]) -> FrameMemory:
        made.append(float(np.prod((blocks, frames, *shape))) / 1e6)
        return HostRing(blocks, frames, shape)

    shape = PaneShape(
        pane_seconds=Fraction(1), fps=5.0, frame=(180, 320), picture=(224, 398), picture_fps=1.0, sample_rate=None, blocks=9
    )
    PaneBuilder(shape, epoch=0, start_seconds=0.0, memory=counted)
    assert shape.memory_mb == pytest.approx(sum(made))
    assert shape.memory_mb == pytest.approx(14 * (7 * 180 * 320 * 1.5 + 3 * 224 * 398 * 3) / 1e6)


def test_after_a_change_of_memory_later_frames_lie_in_the_new_one() -> None:
    builder = PaneBuilder(FIVE_A_SECOND, epoch=0, start_seconds=0.0, memory=lambda *room: DeviceMemory(*room, device="cpu"))
    panes: list[Pane] = []
    for number in range(15):
        seconds = Fraction(number, 5)
        panes += builder.advance(seconds, seconds + Fraction(1, 5), 0.0)
        panes += builder.sound(seconds, np.zeros(200, np.float32), 0.0)
        if number == 7:
            builder.change_memory(HostRing)
        slot = builder.frame(seconds)
        assert slot is not None
        slot[...] = number
    panes += builder.finish()
    assert [seen(pane.frames.planes) for pane in panes if pane.frames] == [[0, 1, 2, 3, 4], [7, 8, 9], [10, 11, 12, 13, 14]]
    assert [type(pane.frames.planes) for pane in panes if pane.frames] == [torch.Tensor, np.ndarray, np.ndarray]
