"""The log's file cannot be written for a while: the program goes on, says so once, and then writes it again.

log file    lines ── full, or its folder gone ── lines
program     watches, cuts and ends as if nothing were
"""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.program import LIGHT, script, sidecars, start


@contextmanager
def full_disk(folder: Path) -> Iterator[Callable[[], None]]:
    """A small file system without a free byte, until the given function makes room."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a small file system")
    try:
        filler = os.open(folder / "filler", os.O_WRONLY | os.O_CREAT)
        with contextlib.suppress(OSError):
            while True:
                os.write(filler, b"x" * 4096)
        os.close(filler)
        yield (folder / "filler").unlink
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def no_folder(folder: Path) -> Iterator[Callable[[], None]]:
    """A file where the folder should be, which refuses root, too."""
    folder.write_text("in its place")
    yield folder.unlink


@pytest.mark.parametrize("trouble", [full_disk, no_folder])
def test_the_program_goes_on_without_its_log_file_and_writes_it_again(
    trouble: "Callable[[Path], object]", made: Callable[..., Path], tmp_path: Path
) -> None:
    film, logs = made("h264 in ts", seconds=40), tmp_path / "logs"
    config = script(tmp_path, [(3.0, 5.0)])
    with trouble(logs) as mend:  # type: ignore[attr-defined]
        arguments = (
            "--output",
            tmp_path / "out",
            "--config",
            config,
            "--set",
            f"log.file={logs / 'program.log'}",
            "--pace",
            "live",
        )
        with start("--stream", film, *arguments, *LIGHT) as program:
            said: list[bytes] = []
            assert program.stderr is not None
            reader = threading.Thread(target=lambda: said.extend(program.stderr))  # type: ignore[arg-type]
            reader.start()
            wait_until(lambda: any(b"the log file cannot be written" in line for line in said))
            mend()
            wait_until(lambda: (logs / "program.log").exists() and "written again" in (logs / "program.log").read_text())
            program.send_signal(signal.SIGTERM)
            assert program.wait(60) == 0
            reader.join(30)
            assert program.stdout is not None
            out = program.stdout.read()
        written = (logs / "program.log").read_text()
    assert b"".join(said).count(b"the log file cannot be written") == 1
    assert b"[Stream Processor] Ending the stream, exiting." in out
    assert "[Stream Processor] Ending the stream, exiting." in written
    assert len(sidecars(tmp_path / "out" / film.stem)) == 1


def test_a_log_folder_that_is_removed_while_it_runs_is_made_again(made: Callable[..., Path], tmp_path: Path) -> None:
    film, logs = made("h264 in ts", seconds=40), tmp_path / "logs"
    arguments = ("--output", tmp_path / "out", "--set", f"log.file={logs / 'program.log'}", "--pace", "live")
    with start("--stream", film, *arguments, *LIGHT) as program:
        wait_until(lambda: (logs / "program.log").exists() and "state" in (logs / "program.log").read_text())
        shutil.rmtree(logs)
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=60)
    assert program.returncode == 0
    assert "[Stream Processor] Ending the stream, exiting." in (logs / "program.log").read_text()


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
