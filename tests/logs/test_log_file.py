"""Real files, real refusals; only the clock is given."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream_processor.logs.log_file import LogFile

LINE = "0123456789" * 9 + "012345678"  # 100 bytes with its end


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "program.log"


@pytest.fixture
def file(path: Path, clock: Clock) -> Iterator[LogFile]:
    """A thousand bytes, and two older files."""
    made = LogFile(path, max_mb=0.001, kept=2, clock=clock)
    yield made
    made.close()


def write(file: LogFile, *lines: str) -> None:
    for line in lines:
        file.write(line)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_lines_are_appended_also_to_what_an_earlier_run_wrote(path: Path, file: LogFile) -> None:
    path.parent.mkdir()
    path.write_text("before\n")
    write(file, "one", "two")
    assert lines(path) == ["before", "one", "two"]


def test_a_file_that_would_grow_beyond_its_bound_becomes_an_older_one(path: Path, file: LogFile) -> None:
    write(file, *[f"{number:03}{LINE[3:]}" for number in range(25)])
    assert [len(lines(each)) for each in (path, Path(f"{path}.1"), Path(f"{path}.2"))] == [5, 10, 10]
    assert lines(path)[-1].startswith("024")
    assert lines(Path(f"{path}.1"))[0].startswith("010")


def test_what_is_on_disk_stays_within_the_bound_for_ever(path: Path, file: LogFile) -> None:
    write(file, *[LINE] * 1000)
    assert sorted(each.name for each in path.parent.iterdir()) == ["program.log", "program.log.1", "program.log.2"]
    assert sum(each.stat().st_size for each in path.parent.iterdir()) <= 3000


def test_without_older_files_it_begins_again(path: Path) -> None:
    file = LogFile(path, max_mb=0.001, kept=0)
    write(file, *[LINE] * 25)
    file.close()
    assert [each.name for each in path.parent.iterdir()] == ["program.log"]
    assert len(lines(path)) == 5


def test_a_line_longer_than_the_bound_is_written_all_the_same(path: Path, file: LogFile) -> None:
    write(file, "short", "x" * 5000, "short")
    assert [len(line) for each in (f"{path}.2", f"{path}.1", path) for line in lines(Path(each))] == [5, 5000, 5]


def test_a_file_that_logrotate_moved_away_is_begun_anew_without_a_signal(path: Path, file: LogFile) -> None:
    write(file, "one")
    path.rename(path.with_name("yesterday"))
    write(file, "two")
    assert (lines(path.with_name("yesterday")), lines(path)) == (["one"], ["two"])


def test_a_removed_folder_is_made_again(path: Path, file: LogFile) -> None:
    write(file, "one")
    shutil.rmtree(path.parent)
    write(file, "two")
    assert lines(path) == ["two"]


def test_while_the_disk_refuses_lines_are_lost_and_counted_and_said_once(
    path: Path, file: LogFile, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.write_text("in its place")  # a file where the folder should be: refused for root, too
    write(file, *["lost"] * 50)
    path.parent.unlink()
    clock.now = 1.9
    write(file, "still lost")
    clock.now = 2.1
    write(file, "here again")
    assert lines(path) == ["here again"]
    first, last = [record.getMessage() for record in caplog.records]
    assert first.startswith("the log file cannot be written, lines are lost: ")
    assert last == "the log file is written again: 51 lines before this one are not in it"


def test_a_line_torn_by_a_full_disk_does_not_spoil_the_next(path: Path) -> None:
    """RLIMIT_FSIZE ends the file in the middle of a line, as a full disk does."""
    code = """
import resource, signal, sys
from pathlib import Path
from stream_processor.logs.log_file import LogFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
now = 0.0
file = LogFile(Path(sys.argv[1]), max_mb=1, kept=1, clock=lambda: now)
file.write("whole")
resource.setrlimit(resource.RLIMIT_FSIZE, (9, resource.RLIM_INFINITY))
file.write("torn and lost")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
now = 60.0
file.write("whole again")
"""
    pytest.importorskip("resource")
    subprocess.run([sys.executable, "-c", code, path], check=True, timeout=60, capture_output=True)
    assert lines(path) == ["whole", "tor", "whole again"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_that_nobody_reads_holds_nothing_up(path: Path, file: LogFile) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    write(file, "lost")


def test_half_a_letter_is_no_reason_to_stop(path: Path, file: LogFile) -> None:
    write(file, "half \ud83d")
    assert lines(path) == ["half \\ud83d"]
