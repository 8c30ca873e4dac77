"""What was measured is there for the next run, or measured anew: never wrong, never in the way."""

import os
from pathlib import Path

import numpy as np
import pytest

from stream_processor.best.cache import Cache
from stream_processor.best.tape import Tape
from stream_processor.records import Samples, replace
from tests.best.tapes import key_of, tape

KEYS = {"look": "light 1", "sharpness": "laplacian 1"}


def cache(folder: Path, *, max_mb: float = 100.0, sampling: str = "3 to 5") -> Cache:
    return Cache(folder, max_mb=max_mb, sampling=sampling)


def keep(kept: Cache, one: Tape, keys: dict[str, str] = KEYS) -> Tape:
    """As measuring does: looks are written first, elsewhere."""
    looks = kept.working_folder() / "looks"
    looks.write_bytes(one.looks.tobytes())
    done = kept.keep(one, looks, keys)
    looks.parent.rmdir()
    return done


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Cache, Tape]:
    found = cache(tmp_path)
    return found, keep(found, tape({"sharpness": [1.0, 2.0, 3.0]}))


def test_what_was_kept_comes_back_for_the_same_content_under_any_name(kept: tuple[Cache, Tape], tmp_path: Path) -> None:
    before, one = kept
    found = cache(tmp_path).load(Path("renamed.mkv"), one.video.key, KEYS)
    assert found is not None
    assert found.video == replace(one.video, path=Path("renamed.mkv"))
    assert (found.times == one.times).all()
    assert (found.frames == one.frames).all()
    assert (found.looks == np.eye(3)).all()
    assert found.signals["sharpness"].values.tolist() == [1.0, 2.0, 3.0]
    assert before.load(Path("a"), "other content", KEYS) is None


def test_what_another_scorer_measured_is_not_taken_for_it(kept: tuple[Cache, Tape]) -> None:
    found = kept[0].load(Path("a"), kept[1].video.key, {**KEYS, "sharpness": "laplacian 2", "motion": "farneback"})
    assert found is not None
    assert found.signals == {}


def test_other_looks_and_another_sampling_begin_anew(kept: tuple[Cache, Tape], tmp_path: Path) -> None:
    key = kept[1].video.key
    assert kept[0].load(Path("a"), key, {**KEYS, "look": "clip"}) is None
    assert cache(tmp_path, sampling="5 to 5").load(Path("a"), key, KEYS) is None


def test_a_signal_is_added_to_those_that_are_there(kept: tuple[Cache, Tape]) -> None:
    keys = {**KEYS, "motion": "farneback"}
    both = replace(kept[1], signals={**kept[1].signals, "motion": Samples(np.array([0.2]), np.array([9.0]))})
    kept[0].keep(both, None, keys)
    found = kept[0].load(Path("a"), both.video.key, keys)
    assert found is not None
    assert set(found.signals) == {"sharpness", "motion"}


@pytest.mark.parametrize("damage", ["cut", "empty", "rubbish", "gone"])
@pytest.mark.parametrize("pattern", ["video.json", "rows.npz", "look-*", "signal-*"])
def test_a_torn_file_is_said_and_everything_measured_anew(
    kept: tuple[Cache, Tape], tmp_path: Path, pattern: str, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (file,) = tmp_path.rglob(pattern)
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes({"cut": content[:-7], "empty": b"", "rubbish": b"\x80\x04pickle" + content[9:]}[damage])
    found = kept[0].load(Path("a.mp4"), kept[1].video.key, KEYS)
    if pattern == "look-*" and damage == "rubbish":
        return  # the right number of bytes are numbers, whatever they are
    if damage == "gone" and pattern == "signal-*":
        assert found is not None
        assert not found.signals
        return
    assert found is None
    if damage != "gone":
        assert "kept scores cannot be read: scored anew" in capsys.readouterr().out
    assert keep(kept[0], tape({"sharpness": [4.0]})).signals["sharpness"].values.tolist() == [4.0]
    again = kept[0].load(Path("a.mp4"), kept[1].video.key, KEYS)
    assert again is not None


def test_nothing_is_unpickled(kept: tuple[Cache, Tape], tmp_path: Path) -> None:
    """A file that somebody put there may say what it likes: it is numbers or nothing."""
    (file,) = tmp_path.rglob("rows.npz")
    np.savez(file, times=np.array([{"a": 1}], object), frames=np.array([0]))
    assert kept[0].load(Path("a"), kept[1].video.key, KEYS) is None


def test_the_oldest_go_where_there_is_too_much(tmp_path: Path) -> None:
    small = cache(tmp_path, max_mb=0.1)
    for age, name in enumerate(["oldest", "older", "newest"]):
        keep(small, tape({"sharpness": [0.5] * 100}, name=name))  # 40 kB of looks each
        (place,) = tmp_path.rglob(f"{key_of(name)}-*")
        os.utime(place, (1000 + age, 1000 + age))
    assert small.load(Path("a"), key_of("oldest"), KEYS) is not None  # used: it is the newest now
    small.tidy()
    left = {name for name in ("oldest", "older", "newest") if small.load(Path("a"), key_of(name), KEYS) is not None}
    assert left == {"oldest", "newest"}


def test_what_a_crash_left_behind_goes_after_a_day(tmp_path: Path) -> None:
    kept = cache(tmp_path)
    old, new = kept.working_folder(), kept.working_folder()
    os.utime(old, (1000, 1000))
    kept.tidy()
    assert (old.exists(), new.exists()) == (False, True)


def test_nobody_else_s_folders_are_touched(tmp_path: Path) -> None:
    foreign = tmp_path / "v1" / "holiday pictures" / "1.jpg"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"a beach")
    os.utime(foreign.parent, (1000, 1000))
    cache(tmp_path, max_mb=0.0).tidy()
    assert foreign.exists()


def test_an_observer_from_outside_is_kept_under_a_name_that_every_disk_takes(tmp_path: Path) -> None:
    keys, name = {**KEYS, "some.module:Class": "1"}, "some.module:Class"
    one = keep(cache(tmp_path), tape({name: [1.0, 2.0]}), keys)
    assert not list(tmp_path.rglob("*:*"))
    found = cache(tmp_path).load(Path("a"), one.video.key, keys)
    assert found is not None
    assert found.signals[name].values.tolist() == [1.0, 2.0]


def test_a_cache_that_is_not_there_is_tidy(tmp_path: Path) -> None:
    cache(tmp_path / "nowhere").tidy()
