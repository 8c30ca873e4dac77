"""What is kept is used, what follows from looks is computed, and only what is missing then is decoded for."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from scorers.exposure import Exposure
from scorers.look import Look
from scorers.shared_embedding import ByLight, Shared
from scorers.sharpness import Sharpness
from scorers.smaller import Smaller
from stream_processor.best.cache import Cache
from stream_processor.best.interrupting import Interruptions
from stream_processor.best.measuring import Measuring
from stream_processor.best.reading import Want
from stream_processor.best.settings import BestSettings
from stream_processor.best.telling import Lines
from stream_processor.contracts import Memory, Scorer
from stream_processor.errors import ClipWriteError
from stream_processor.records import Pane, Samples, replace
from stream_processor.settings import SourceSettings

Made = Callable[..., Path]


class Said(Lines):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def measuring(folder: Path, said: Said, *names: str, keys: dict[str, str] | None = None) -> Measuring:
    all_scorers: dict[str, Scorer] = {"look": Look(Shared(ByLight(Smaller()))), "sharpness": Sharpness(), "exposure": Exposure()}
    heads = {"first": lambda looks: looks[:, 0].astype(np.float64)}
    scorers = {name: scorer for name, scorer in all_scorers.items() if name in (*names, "look")}
    want = Want(scorers, None, (), BestSettings(), SourceSettings(), threads=1)
    known = {name: f"{name} 1" for name in (*scorers, *(name for name in names if name in heads))}
    used = {name: head for name, head in heads.items() if name in names}
    return Measuring(want, {**known, **(keys or {})}, used, Cache(folder, max_mb=100, sampling=""), said, Interruptions())


def test_a_second_run_reads_nothing_and_a_third_only_what_is_new(made: Made, tmp_path: Path) -> None:
    path, said = made("h264 without sound"), Said()
    first = measuring(tmp_path, said, "sharpness").tape(path, "content", "a")
    again = measuring(tmp_path, said, "sharpness").tape(path, "content", "a")
    more = measuring(tmp_path, said, "sharpness", "exposure").tape(path, "content", "a")
    assert ["scored in" in line for line in said.lines] == [True, False, True]
    assert said.lines[1] == "a: scores kept from an earlier run"
    for tape in (again, more):
        assert (tape.times == first.times).all()
        assert (tape.looks == first.looks).all()
        assert (tape.signals["sharpness"].values == first.signals["sharpness"].values).all()
    assert more.signals["exposure"].times.tolist() == first.times.tolist()


def test_a_head_is_computed_from_the_looks_that_are_kept(made: Made, tmp_path: Path) -> None:
    """Another prompt needs no decoding."""
    path, said = made("h264 without sound"), Said()
    measuring(tmp_path, said, "sharpness").tape(path, "content", "a")
    tape = measuring(tmp_path, said, "sharpness", "first").tape(path, "content", "a")
    assert "scored in" not in said.lines[1]
    assert tape.signals["first"].values == pytest.approx(tape.looks[:, 0])


def test_another_version_of_a_scorer_measures_anew(made: Made, tmp_path: Path) -> None:
    path, said = made("h264 without sound"), Said()
    measuring(tmp_path, said, "sharpness").tape(path, "content", "a")
    measuring(tmp_path, said, "sharpness", keys={"sharpness": "laplacian 2"}).tape(path, "content", "a")
    assert "scored in" in said.lines[1]


def test_a_torn_cache_is_measured_anew(made: Made, tmp_path: Path) -> None:
    path, said = made("h264 without sound"), Said()
    first = measuring(tmp_path, said, "sharpness").tape(path, "content", "a").times
    (rows,) = tmp_path.rglob("rows.npz")
    rows.write_bytes(b"torn")
    assert (measuring(tmp_path, said, "sharpness").tape(path, "content", "a").times == first).all()
    assert ["scored in" in line for line in said.lines] == [True, True]


def test_a_cache_that_cannot_be_written_is_said(made: Made, tmp_path: Path) -> None:
    (tmp_path / "v1").touch()
    with pytest.raises(ClipWriteError, match=r"cannot be written: .* \(another place: best.cache, or --no-cache\)"):
        measuring(tmp_path, Said(), "sharpness").tape(made("h264 without sound"), "content", "a")


class Failing:
    """Fails at its second pane, and only while ``is_ill``."""

    signal, keeps = "sharpness", "samples"

    def __init__(self, inner: Scorer) -> None:
        self.inner, self.is_ill, self.calls = inner, True, 0

    def start(self) -> Memory:
        return self.inner.start()

    def score(self, batch: Sequence[tuple[Memory, Pane]]) -> Sequence[Samples]:
        self.calls += 1
        if self.is_ill and self.calls == 2:
            raise MemoryError
        return self.inner.score(batch)


@pytest.mark.parametrize("name", ["sharpness", "look"])
def test_what_a_scorer_failed_at_once_is_measured_anew_by_the_next_run(made: Made, tmp_path: Path, name: str) -> None:
    path, said = made("h264 without sound"), Said()
    ill = measuring(tmp_path, said, "sharpness")
    scorers = dict(ill.want.scorers)
    scorers[name] = Failing(scorers[name])
    torn = replace(ill, want=replace(ill.want, scorers=scorers)).tape(path, "content", "a")
    whole = measuring(tmp_path, said, "sharpness").tape(path, "content", "a")
    assert ["scored in" in line for line in said.lines] == [True, True]
    assert len(whole.times) == len(whole.signals["sharpness"].times)
    there = torn.times if name == "look" else torn.signals["sharpness"].times
    assert 0 < len(there) < len(whole.times)
    measuring(tmp_path, said, "sharpness").tape(path, "content", "a")
    assert "kept from an earlier run" in said.lines[2]


def test_where_all_is_kept_nothing_is_written(made: Made, tmp_path: Path) -> None:
    """A cache may be on a disk that can only be read."""
    path = made("h264 without sound")
    measuring(tmp_path, Said(), "sharpness").tape(path, "content", "a")

    def files() -> dict[Path, int]:
        return {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*") if file.is_file()}

    before = files()
    measuring(tmp_path, Said(), "sharpness").tape(path, "content", "a")
    assert files() == before
