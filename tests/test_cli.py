"""The command line as people use it: the real program in a process of its own, but for what it would watch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stream_processor.__main__ import main as start
from tests.conftest import REPOSITORY

MAIN = [sys.executable, "-m", "stream_processor"]


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MAIN, *arguments], capture_output=True, text=True, timeout=60, env=os.environ | environ, check=False)


def test_help_explains_every_form_of_stream_and_gives_examples() -> None:
    done = run("--help")
    assert done.returncode == 0
    for what in [
        "twitch.tv/NAME",
        ".m3u8",
        "rtmp://HOST/APP/KEY",
        "listen:rtmp://0.0.0.0:1935/APP/KEY",
        "OBS",
        "\n  -  ",
        "demo",
        "Examples:",
        "main --stream demo",
        "--set SECTION.KEY=VALUE",
        "doctor",
        "replay",
    ]:
        assert what.strip() in done.stdout


def test_help_comes_at_once_because_nothing_heavy_is_imported() -> None:
    code = """
import sys
from stream_processor import cli
try:
    cli.app(["--help"], prog_name="main")
except SystemExit:
    print(sorted(sys.modules))
"""
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert "'typer'" in modules
    for heavy in ("pydantic", "numpy", "av", "torch", "rich", "structlog", "asyncio", "stream_processor.settings"):
        assert f"'{heavy}'" not in modules


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say what to watch, e.g. --stream demo"),
        (["--config", "configs/default.toml"], "or name channels as [[channel]] tables in --config FILE"),
        (["--stream", "x", "--stream", "y", "--stream", "x"], "error: --stream: x is given twice"),
        (["--stream", "x", "--threads", "-1"], "error: --threads: process.threads = -1: must be a whole number >= 0 and <= 256"),
        (["--stream", "x", "doctor"], "--stream belongs to watching a stream: put options of doctor after its name"),
        (["--set", "peaks.percentile=95", "doctor"], "--set belongs to watching a stream"),
        (["--nonsense"], "No such option"),
        (["nonsense"], "No such command"),
        (["--stream", "x", "--pace", "slow"], "--pace"),
        (["--stream", "x", "--duration", "-1"], "--duration"),
        (
            ["--stream", "x", "--set", "peaks.percentille=95"],
            "error: --set: unknown key peaks.percentille, did you mean peaks.percentile?",
        ),
        (["--stream", "x", "--device", "gpu"], "error: --device: device.kind = 'gpu': must be auto, cpu, cuda or cuda:N"),
        (["--stream", "x", "--config", "none.toml"], "error: none.toml: No such file or directory"),
    ],
)
def test_a_wrong_command_line_is_one_clear_message_and_exit_2(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_variable_that_is_wrong_is_said_with_its_name() -> None:
    done = run("--stream", "x", CLIP_HIGHLIGHTS_RING__SECONDS="1")
    assert (done.returncode, done.stderr) == (
        2,
        "error: CLIP_HIGHLIGHTS_RING__SECONDS: ring.seconds = 1: must be a number >= 5 and <= 3600\n",
    )


def test_the_version_is_said() -> None:
    assert run("--version").stdout.startswith("clip-highlights 0.")


STAND_IN = """
import sys, types
import stream_processor.cli as cli
app = types.ModuleType("stream_processor.app")
def watch(options):
    {body}
app.watch = watch
sys.modules["stream_processor.app"] = app
cli.main()
"""


def watch_with(body: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", STAND_IN.format(body=body), "--stream", "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_what_the_command_line_says_arrives_as_options() -> None:
    body = """s = options.settings
    (channel,) = options.channels
    print(channel.stream, channel.name, channel.settings == s)
    print(options.wait, options.pace, options.duration_seconds, options.ui, s.process.threads, s.process.priority)
    print(s.output.folder, s.streamlink.quality, s.mqtt.url, s.device.kind, s.peaks.percentile)
    return 0"""
    arguments = "--wait --pace live --duration 5 --ui json --output o --quality 720p --mqtt mqtt://h --device cuda:1"
    arguments += " --set peaks.percentile=95 --threads 3 --low-priority"
    done = watch_with(body, *arguments.split())
    assert done.stdout == "demo demo True\nTrue live 5.0 json 3 low\no 720p mqtt://h cuda:1 95.0\n"
    assert done.returncode == 0


def test_several_streams_and_tables_arrive_as_channels(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[[channel]]\nstream = 'twitch.tv/x'\nname = 'mine'\n[channel.peaks]\npercentile = 95\n")
    body = "print([(one.stream, one.name, one.settings.peaks.percentile) for one in options.channels]); return 0"
    done = watch_with(body, "--stream", "twitch.tv/x", "--config", str(file))
    assert done.stdout == "[('demo', 'demo', 85.0), ('twitch.tv/x', 'mine', 95.0)]\n"


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("return 0", 0, ""),
        ("return 130", 130, ""),
        ("raise KeyboardInterrupt", 130, ""),
        ("from stream_processor.errors import SourceOffline as E; raise E('x is offline')", 1, "error: x is offline\n"),
        ("from stream_processor.errors import SettingsError as E; raise E('bad')", 2, "error: bad\n"),
        (
            "from stream_processor.errors import SourceError as E; raise E('rtmp://h/a/KEY:\\n refused')",
            1,
            "error: rtmp://h/a/***: refused\n",
        ),
    ],
)
def test_how_a_run_ends_is_its_exit_code(body: str, code: int, said: str) -> None:
    done = watch_with(body)
    assert (done.returncode, done.stderr) == (code, said)


def test_ctrl_c_while_the_program_still_starts_leaves_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("stream_processor.cli.main", interrupted)
    with pytest.raises(SystemExit) as end:
        start()
    assert end.value.code == 130


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_sigterm_while_the_program_still_starts_is_an_end_in_order() -> None:
    code = """
import os, signal, sys, types
def asked_to_end(): os.kill(os.getpid(), signal.SIGTERM)
sys.modules["stream_processor.cli"] = types.SimpleNamespace(main=asked_to_end)
from stream_processor.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
