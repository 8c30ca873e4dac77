"""A file's packets over and over."""

import io
import itertools
from fractions import Fraction
from pathlib import Path

import av
import pytest

from benchmarks import material
from benchmarks.feeder import Kept, feed, length, looped

MILLI = Fraction(1, 1000)


def _picture(*dts: int) -> list[Kept]:
    return [Kept(0, each + 80, each, MILLI, False, b"") for each in dts]


def test_a_file_lasts_until_its_next_packet_would_be_due() -> None:
    #   picture  |-40  0  40  80 |      4 packets of 40 ms
    #   sound    | 0  21  42  63  84  105  126  147 |  8 packets of 21 ms
    picture, sound = _picture(-40, 0, 40, 80), [Kept(1, at, at, MILLI, False, b"") for at in range(0, 168, 21)]
    assert length(picture) == Fraction(160, 1000)
    assert length(picture + sound) == Fraction(168, 1000)


def test_timestamps_rise_by_the_files_length_each_time() -> None:
    packets = _picture(-40, 0, 40, 80)
    given = list(looped(packets, length(packets), 0.375))
    times = [packet.dts + shift for packet, shift in given]
    assert times == list(range(10_000 - 40, 10_000 + 375, 40))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    recipe = material.Material("small", "libx264", 160, 90, 25, 200_000, {"preset": "ultrafast", "bf": "2"})
    return material.ready(recipe, 2, cache=tmp_path)


def test_the_stream_that_comes_out_has_no_seam(small: Path) -> None:
    out = io.BytesIO()
    feed(str(small), 7.0, out)
    out.seek(0)
    with av.open(out) as container:
        pictures = [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
        out.seek(0)
    assert len(pictures) == pytest.approx(7 * 25, abs=3)
    steps = {round(b - a, 3) for a, b in itertools.pairwise(pictures)}
    assert max(steps) < 0.09  # the sound is a little longer than the picture
    assert min(steps) > 0.035
