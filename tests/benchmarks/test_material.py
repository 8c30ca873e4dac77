"""Streams to measure with."""

import itertools
from dataclasses import replace
from pathlib import Path

import av
import pytest

from benchmarks import material

SMALL = material.Material("small", "libx264", 160, 90, 10, 200_000, {"preset": "ultrafast", "sc_threshold": "0"})


@pytest.fixture(params=["real", "drawn"])
def made(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "drawn":
        monkeypatch.setattr(material, "MEDIA", tmp_path / "none")
    return material.ready(SMALL, 5, cache=tmp_path)


def test_a_file_is_as_long_as_asked_and_has_picture_and_sound(made: Path) -> None:
    with av.open(str(made)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video)]
        assert (video.width, video.height, len(frames)) == (160, 90, 50)
        assert float(audio.duration * audio.time_base) == pytest.approx(5.0, abs=0.1)
    assert all((a != b).any() for a, b in itertools.pairwise(frames))


def test_keyframes_come_every_two_seconds(made: Path) -> None:
    with av.open(str(made)) as container:
        keys = [float(packet.pts * packet.time_base) for packet in container.demux(video=0) if packet.is_keyframe]
    assert keys == [0.0, 2.0, 4.0]


def test_it_is_made_once_and_nothing_unfinished_is_left(made: Path) -> None:
    before = made.stat().st_mtime_ns
    assert material.ready(SMALL, 5, cache=made.parent) == made
    assert made.stat().st_mtime_ns == before
    assert [path for path in made.parent.iterdir() if path.is_file()] == [made]


def test_another_recipe_length_or_medium_is_another_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one = material.key(SMALL, 5)
    others = [material.key(SMALL, 6), material.key(replace(SMALL, bits_per_second=1), 5), material.key(replace(SMALL, fps=20), 5)]
    assert len({one, *others}) == 4
    (tmp_path / material.SCENES[0]).write_bytes(b"something else")
    monkeypatch.setattr(material, "MEDIA", tmp_path)
    assert material.key(SMALL, 5) not in (one, *others)
