"""Secrets in everything that the program is told, and none in anything that it says or leaves behind.

told    --stream http://u:SECRET@h/game.m3u8?token=SECRET, segments with ?sig=SECRET, --mqtt mqtt://u:SECRET@h, settings
said    standard output and error in each form, the log's file, alerts, sidecar, journal with what SQLite keeps beside it
"""

import io
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, given, settings

from stream_processor.logs.log import configure
from stream_processor.settings import LogSettings
from tests.media_maker import RECIPES, make
from tests.peers.broker import Broker
from tests.peers.hls_server import HlsServer, hls_server
from tests.program import LIGHT, run, script, sidecars, start
from tests.test_redact import MARK, PLACES

SECRET = "s3cr3tS3CR3T"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HlsServer]:
    """A recording of one segment, and of one that is not there, so that there is something to complain about."""
    (tmp_path / "hls").mkdir()
    make(tmp_path / "hls", RECIPES["h264 in ts"], seconds=8).rename(tmp_path / "hls" / "one.ts")
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:8", "#EXT-X-MEDIA-SEQUENCE:0"]
    for name in ("one.ts", "gone.ts"):
        lines += ["#EXTINF:8.0,", f"{name}?sig={SECRET}"]
    (tmp_path / "hls" / "game.m3u8").write_text("\n".join([*lines, "#EXT-X-ENDLIST", ""]))
    with hls_server() as peer:
        peer.folders["/"] = tmp_path / "hls"
        yield peer


@pytest.fixture
def broker(need_program: Callable[..., Path], tmp_path: Path) -> Iterator[Broker]:
    (tmp_path / "broker").mkdir()
    broker = Broker(need_program("mosquitto"), tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


@pytest.mark.parametrize("ui", ["plain", pytest.param("json", marks=pytest.mark.long)])
def test_nothing_that_a_run_says_or_leaves_behind_has_a_secret_in_it(
    server: HlsServer, broker: Broker, tmp_path: Path, ui: str
) -> None:
    address = server.url.removeprefix("http://")
    process = start(
        *("--stream", f"http://u:{SECRET}@{address}/game.m3u8?token={SECRET}"),
        *("--output", tmp_path / "out", "--config", script(tmp_path, [(3, 5)])),
        *("--mqtt", f"mqtt://u:{SECRET}@127.0.0.1:{broker.port}"),
        *("--set", "log.level=debug", "--set", f"log.file={tmp_path}/the.log"),
        *("--set", "streamlink.stream-segment-attempts=1", "--set", "streamlink.stream-segment-timeout=2"),
        *("--set", f"streamlink.http-header=Authorization=Bearer {SECRET}"),
        *(*LIGHT, "--ui", ui),
    )
    try:
        out, error = process.communicate(timeout=90)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    assert process.returncode == 0, error.decode()
    assert any(SECRET in request.query for request in server.requests), "the secret was never used: the test is none"
    assert len(sidecars(tmp_path / "out" / "game")) == 1
    assert b"gone.ts" in out + error, "nobody complained: the test is none"
    left = {str(path): path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    left |= {"standard output": out, "standard error": error, "log": (tmp_path / "the.log").read_bytes()}
    assert [name for name, content in left.items() if SECRET.encode() in content] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--stream", f"rtmp://u:{SECRET}@127.0.0.1:1/live/{SECRET}"),
        ("--stream", "demo", "--mqtt", f"u:{SECRET}@127.0.0.1"),
        ("--stream", "demo", "--mqtt", f"mqtt://u:{SECRET}/{SECRET}@127.0.0.1"),
        ("--stream", "demo", "--mqtt", f"mqtt://u:p{SECRET}@\u2100"),
        ("--stream", "demo", "--set", f"mqtt.url=['mqtt://u:{SECRET}@h']"),
        ("--stream", "demo", "--set", f"mqtt.urls=mqtt://u:{SECRET}@h"),
        ("--stream", "demo", "--set", f"rtmp://h/live/{SECRET}"),
    ],
    ids=lambda arguments: " ".join(arguments).replace(SECRET, "…")[9:].encode("ascii", "replace").decode(),
)
def test_an_error_line_has_no_secret_in_it(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(*arguments, "--output", tmp_path / "out", "--duration", "1", *LIGHT)
    assert done.code in (1, 2)
    assert "error: " in done.err
    assert SECRET not in done.lines_said


# ---- every handler --------------------------------------------------------------------------------------------------


@pytest.fixture
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)
    structlog.reset_defaults()


def say_in_every_way(text: str) -> None:
    """Our log as event, value, deep inside and traceback; somebody else's log and warning; another thread."""
    ours = structlog.get_logger("stream_processor.x")
    ours.warning(text)
    ours.warning("x", value=text, deep={"a": [text, {text: 1}]}, error=ValueError(text))
    try:
        raise ValueError(text)
    except ValueError:
        ours.error("x", exc_info=True)
        logging.getLogger("streamlink.x").exception("in %s", text)
        logging.getLogger("asyncio").error("x", exc_info=True)
    warnings.warn(text, stacklevel=1)
    for _ in range(5):  # a flood is summed up by its first letters, which may end within a secret
        ours.warning(f"{'x' * 180} {text}")
    thread = threading.Thread(target=lambda: logging.getLogger("other").error(text))
    thread.start()
    thread.join()


@pytest.mark.parametrize("ui", ["plain", "json", "rich"])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=PLACES)
def test_no_handler_lets_a_secret_through(
    as_before: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ui: str, place: str
) -> None:
    out = io.StringIO()
    (tmp_path / "the.log").unlink(missing_ok=True)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", out)
        patched.setattr(sys, "stderr", out)
        panel = configure(ui, LogSettings(level="debug", file=tmp_path / "the.log"))  # type: ignore[arg-type]
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(True)
            say_in_every_way(place)
            logging.getLogger().handlers[0].flush()
    said = out.getvalue() + "\n".join(line.text for line in panel.lines)
    written = (tmp_path / "the.log").read_text(encoding="utf-8")
    assert len(said) > 200
    assert len(written) > 200
    assert MARK not in said
    assert MARK not in written
