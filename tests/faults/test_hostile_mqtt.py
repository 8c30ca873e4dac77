"""A broker where anybody may write: the program listens to nothing there, and its own states stand in the end.

before   garbage, retained, on every topic of ours
during   bytes of all kinds and a megabyte on every topic below our prefix, retained and not
after    available: stopped, state: ended; every alert was told, in order
"""

import asyncio
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import aiomqtt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.mqtt import Mqtt
from sinks.mqtt_address import parse
from stream_processor.configuring.configuration import load
from stream_processor.errors import SettingsError
from tests.media_maker import RECIPES, make
from tests.peers.broker import Broker, listening
from tests.program import LIGHT, alerts, script, start

PREFIX = "clip_highlights"
OURS = [f"{PREFIX}/{rest}" for rest in ("available", "game/state", "game/alerts", "game/window")]
OTHERS = [f"{PREFIX}/{rest}" for rest in ("game/command", "game/set", "game/stop", "command", "game", "other/state", "$SYS/x")]
GARBAGE = [
    b"",
    b"\0",
    b"\xff\xfe",
    b"online",
    b"stop",
    b'{"type": "stop"}',
    b"[" * 10_000,
    b"9" * 5_000,
    random.Random(1).randbytes(999),
]


@pytest.fixture
def broker(need_program: Callable[..., Path], tmp_path: Path) -> Iterator[Broker]:
    (tmp_path / "broker").mkdir()
    log = ["log_type subscribe", f"log_dest file {tmp_path}/broker/log"]
    broker = Broker(need_program("mosquitto"), tmp_path / "broker", "allow_anonymous true", *log)
    broker.start()
    yield broker
    broker.stop()


async def write_garbage(broker: Broker, process: "subprocess.Popen[bytes]", told: Callable[[], bool]) -> int:
    """For as long as the program runs, on its own topics until its first alert, long before its last; gives how many messages."""
    chance = random.Random(2)
    count = 0
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        while process.poll() is None:
            for topic in OTHERS if told() else [*OURS, *OTHERS]:
                payload = bytes(1_000_000) if count % 100 == 50 else chance.choice(GARBAGE)
                await client.publish(topic, payload, qos=count % 3, retain=count % 2 == 0)
                count += 1
            await asyncio.sleep(0.05)  # a pace, no wait for anything
    return count


async def test_whatever_others_write_changes_nothing_and_our_states_stand_in_the_end(broker: Broker, tmp_path: Path) -> None:
    recording = make(tmp_path, RECIPES["h264 in mp4"], seconds=12).rename(tmp_path / "game.mp4")
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        for topic in OURS:
            await client.publish(topic, b"\xff garbage \0", qos=1, retain=True)
    options = ("--stream", recording, "--output", tmp_path / "out", "--mqtt", broker.url, "--pace", "live")
    folder = tmp_path / "out" / "game"
    process = start(*options, "--config", script(tmp_path, [(3, 5)]), *LIGHT)
    try:
        written = await asyncio.wait_for(write_garbage(broker, process, (folder / "alerts.jsonl").exists), 90)
    finally:
        process.kill()
    out, error = process.communicate()
    assert process.returncode == 0, error.decode()
    assert error.decode() == ""
    assert written > 100, "it was over before anything was written"
    assert [alert["type"] for alert in alerts(folder)][-1] == "end"
    assert "Traceback" not in out.decode()
    log = (tmp_path / "broker" / "log").read_text()
    assert log == "" or "clip-highlights-" not in log, "the program has subscribed to something"
    kept = {}
    async with listening(broker, topic=f"{PREFIX}/#") as listener:
        while {OURS[0], OURS[1]} - set(kept):
            async with asyncio.timeout(10):
                message = await anext(aiter(listener._client.messages))
            kept[message.topic.value] = message.payload
    assert (kept[OURS[0]], kept[OURS[1]]) == (b"stopped", b"ended")
    assert f"{PREFIX}/#" in (tmp_path / "broker" / "log").read_text(), "the broker notes no subscription: the test is none"


URLS = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="mqts:/@[]%.?#0123456789h \0é", max_size=40),
    st.builds(
        "{}://{}:{}@{}:{}{}".format,
        st.sampled_from(["mqtt", "mqtts", "MQTT", "http", "", "x y"]),
        st.text(st.characters(exclude_categories=[]), max_size=10),
        st.just("S3cret"),
        st.sampled_from(["h", "[::1]", "[::1", "", "127.0.0.1", "℀", "a..b", "x" * 300]),
        st.integers(-1, 70_000) | st.text(max_size=4),
        st.sampled_from(["", "/", "/x", "?x", "#x"]),
    ),
)


@settings(max_examples=500)
@given(URLS)
def test_any_url_is_a_broker_or_one_line_without_the_password(url: str) -> None:
    try:
        broker = parse(url)
    except SettingsError as error:
        said = str(error)
    else:
        said = repr(broker)
        assert broker.host
        assert 0 <= broker.port <= 65_535
    assert len(said.splitlines()) == 1
    assert "S3cret" not in said or ":S3cret@" not in url


@pytest.mark.parametrize("login", ["x" * 70_000 + ":p", "u:" + "x" * 70_000, "u:%00", "%FF:p", "u\udcff:p"])
async def test_a_login_that_no_broker_takes_never_stops_the_program(broker: Broker, login: str) -> None:
    """Refused when it is read or, like a broker that is down, tried again and again."""
    try:
        mqtt = Mqtt(f"mqtt://{login}@127.0.0.1:{broker.port}")
    except SettingsError:
        return
    async with mqtt:
        async with asyncio.timeout(10):
            while mqtt.status == "waiting: not connected yet":  # noqa: ASYNC110 # it tells nobody
                await asyncio.sleep(0.01)
        assert not mqtt._task.done()


@given(st.text(max_size=20))
def test_any_prefix_is_one_that_brokers_take_or_one_line(prefix: str) -> None:
    try:
        taken = load(flags={"mqtt.prefix": ("--set", prefix)}).mqtt.prefix
    except SettingsError as error:
        said = str(error)
    else:
        said = "fine"
        assert not set(taken) & set("#+$\0\x1f\x7f\x80")
        assert taken.encode()
    assert len(said.splitlines()) == 1
