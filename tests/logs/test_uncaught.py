"""In processes of their own: Python has one of each hook."""

import subprocess
import sys
from pathlib import Path

import pytest

SECRET = "s3cr3tS3CR3T"
_BEGIN = f"""
import asyncio, sys, threading
from pathlib import Path
from stream_processor.logs import log
from stream_processor.settings import LogSettings
from stream_processor.logs.uncaught import log_uncaught
log_uncaught()
URL = "rtmp://host/live/{SECRET}"
def raise_it():
    raise ValueError(URL)
"""
_CONFIGURE = "log.configure(sys.argv[1], LogSettings(file=Path(sys.argv[2]))).let_through()"
_WAYS = {
    "main thread": "raise_it()",
    "thread": "thread = threading.Thread(target=raise_it, name='decode'); thread.start(); thread.join()",
    "unraisable": "class Odd:\n    def __del__(self):\n        raise_it()\nOdd()",
    "asyncio": """
async def main():
    async def task():
        raise_it()
    asyncio.create_task(task())
    asyncio.get_running_loop().call_soon(raise_it)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    import gc; gc.collect()
asyncio.run(main())""",
}


def run(code: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", _BEGIN + code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("way", _WAYS)
@pytest.mark.parametrize("ui", ["plain", "json", "rich"])
def test_what_nothing_caught_is_said_everywhere_with_its_traceback_and_without_secrets(way: str, ui: str, tmp_path: Path) -> None:
    file = tmp_path / "program.log"
    done = run(f"{_CONFIGURE}\n{_WAYS[way]}", ui, file)
    for said in (done.stdout + done.stderr, file.read_text()):
        assert "ValueError" in said
        assert "raise_it" in said
        assert "rtmp://host/live/***" in said
        assert SECRET not in said
    assert done.returncode == (1 if way == "main thread" else 0)


def test_a_connection_that_went_before_the_loop_could_watch_it_is_no_error_and_everything_else_is(tmp_path: Path) -> None:
    code = """
import socket
from stream_processor.logs.uncaught import in_loop
async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(in_loop)
    gone = socket.socket()
    for watch in (loop.add_reader, loop.add_writer):
        loop.call_soon_threadsafe(watch, gone.fileno(), raise_it)
    loop.call_soon_threadsafe(loop.add_writer, -1, raise_it)
    gone.close()
    await asyncio.sleep(0)
    print("was not said", flush=True)
    loop.call_soon(socket.socket.fileno, "a bug")
    loop.call_soon(loop.add_writer, "a bug", raise_it, 1)
    loop.call_soon(raise_it)
    await asyncio.sleep(0)
asyncio.run(main())"""
    done = run(f"{_CONFIGURE}\n{code}", "plain", tmp_path / "program.log")
    assert done.stdout == "was not said\n"
    assert done.stderr.count("Exception in callback") == 3, done.stderr
    assert SECRET not in done.stderr


def test_before_there_is_a_log_it_goes_to_standard_error(tmp_path: Path) -> None:
    done = run(_WAYS["main thread"])
    assert done.returncode == 1
    assert "rtmp://host/live/***" in done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_the_program_installs_it_before_anything_else_can_fail(tmp_path: Path) -> None:
    code = "import stream_processor.cli, stream_processor.__main__ as m\nstream_processor.cli.main = raise_it\nm.main()"
    done = subprocess.run(
        [sys.executable, "-c", _BEGIN.replace("log_uncaught()\n", "") + code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "ended by an error that nothing caught" in done.stderr
    assert SECRET not in done.stderr
