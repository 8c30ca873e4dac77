"""Where the picture may have been cut, seen in the sampled frames alone. What holds for all observers is in test_contract."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from scorers.scene import Cuts
from stream_processor.decoding.scaling import HostScaler
from stream_processor.finishing.settings import SceneSettings
from stream_processor.finishing.shots import Kind
from stream_processor.frames import Grid
from stream_processor.records import Frames, Pane, Samples
from tests.finishing.cut_films import HEIGHT, WIDTH, picture

KINDS: tuple[Kind, ...] = ("content", "colour", "hash")


def pane(shots: Sequence[int], times: Sequence[float]) -> Pane:
    """A pane whose frames show these shots."""
    planes = np.stack([picture(shot, 5 * seconds) for shot, seconds in zip(shots, times, strict=True)])
    return Pane(0, 0, 0.0, 30.0, Frames(np.array(times), planes), None, None)


def observed(*panes: Pane, kind: Kind = "content") -> Samples:
    cuts = Cuts(SceneSettings(kind=kind))
    memory = cuts.start()
    found = [cuts.score([(memory, one)])[0] for one in panes]
    return Samples(np.concatenate([one.times for one in found]), np.concatenate([one.values for one in found]))


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_has_a_sample_and_only_that_behind_a_cut_is_strong(kind: Kind) -> None:
    #   frames   0.0  0.2  0.4 │ 0.6  0.8      the sample at 0.6 says: after 0.4
    samples = observed(pane([0, 0, 0, 1, 1], [0.0, 0.2, 0.4, 0.6, 0.8]), kind=kind)
    assert samples.times.tolist() == [0.0, 0.2, 0.4, 0.6, 0.8]
    assert (samples.values >= 1).tolist() == [False, False, False, True, False]


def test_a_cut_between_two_panes_is_seen_in_the_second() -> None:
    samples = observed(pane([0, 0], [0.0, 0.2]), pane([1, 1], [0.4, 0.6]))
    assert (samples.values >= 1).tolist() == [False, False, True, False]


def test_a_hole_in_the_picture_is_no_cut() -> None:
    assert observed(pane([0, 0, 1, 1], [0.0, 0.2, 2.3, 2.5])).values.max() < 1
    assert observed(pane([0, 0, 1, 1], [0.0, 0.2, 2.1, 2.3])).values.max() >= 1


def test_channels_of_different_sizes_are_observed_side_by_side() -> None:
    cuts = Cuts()
    small = pane([0, 1], [0.0, 0.2])
    assert small.frames is not None
    large = Pane(0, 0, 0.0, 1.0, Frames(small.frames.times, np.full((2, 270, 320), 128, np.uint8)), None, None)
    first, second = cuts.score([(cuts.start(), small), (cuts.start(), large)])
    assert first.values[1] >= 1
    assert second.values.tolist() == [0, 0]


def test_its_samples_are_no_view_into_the_pane() -> None:
    one = pane([0, 1], [0.0, 0.2])
    samples = observed(one)
    assert one.frames is not None
    one.frames.times[:] = 77
    assert samples.times.tolist() == [0.0, 0.2]
    assert one.frames.planes.shape[1:] == (HEIGHT * 3 // 2, WIDTH)


def test_none_of_sintels_cuts_escapes_five_frames_a_second(media: Callable[[str], Path]) -> None:
    grid, scaler = Grid(5.0), HostScaler()
    times: list[float] = []
    planes = []
    with av.open(str(media("sintel_trailer_480p.mp4"))) as container:
        container.streams.video[0].thread_type = "AUTO"
        for number, frame in enumerate(container.decode(video=0)):
            if number > 680:
                break
            if grid.takes(Fraction(number, 24)):
                slot = np.empty((270, 320), np.uint8)
                scaler.i420(frame, slot)
                times.append(number / 24)
                planes.append(slot)
    samples = observed(Pane(0, 0, 0.0, 60.0, Frames(np.array(times), np.stack(planes)), None, None))
    for cut in (334, 396, 404, 420, 571, 621, 658, 672):  # numbers of first frames, by eye
        behind = int(np.searchsorted(samples.times, cut / 24 - 1e-6))
        assert samples.values[behind] >= 1, cut


def test_it_says_which_setting_its_samples_depend_on() -> None:
    """What was measured with another threshold is as good."""
    assert Cuts(SceneSettings(threshold=3.0)).depends_on == Cuts(SceneSettings(max_shift_seconds=0.5)).depends_on
    assert Cuts(SceneSettings(kind="hash")).depends_on != Cuts(SceneSettings()).depends_on
