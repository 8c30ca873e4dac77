"""What a broker hears, from a real mosquitto: topics, order, retained states, the will; and nothing lost when it is away."""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.mqtt import Mqtt
from sinks.mqtt_address import parse, topic_part
from stream_processor.delivering.outbox import Outbox
from stream_processor.errors import SettingsError, SinkError
from stream_processor.journal import Journal
from stream_processor.records import Event
from tests.peers.broker import Broker, Listener, listening
from tests.peers.broker_proxy import Proxy

NEW = Event("new", "x", {"id": "h1"}, 1)
REPOSITORY = Path(__file__).resolve().parents[2]


async def at_once(_: float) -> None:
    """Waits between attempts pass quickly."""
    await asyncio.sleep(0.01)


@pytest.fixture
def broker(need_program: Callable[..., Path], tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(need_program("mosquitto"), tmp_path)
    broker.start()
    yield broker
    broker.stop()


def connecting(sink: Mqtt) -> asyncio.Event:
    """Set on each connection."""
    ready = asyncio.Event()
    sink.when_ready(ready.set)
    return ready


async def connected(sink: Mqtt) -> None:
    async with asyncio.timeout(10):
        await connecting(sink).wait()


async def run(*command: str | Path) -> None:
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0


# ---- topics


async def test_topics_payloads_and_qualities_are_those_of_the_design(broker: Broker) -> None:
    async with listening(broker) as listener:
        async with Mqtt(broker.url, prefix="clips") as sink:
            await connected(sink)
            assert sink.status == "connected"
            await sink.deliver(Event("state", "x", {"state": "live"}))
            await sink.deliver(Event("window", "x", {"score": 1.5, "threshold": 2.0, "signals": {"motion": 0.1}}))
            await sink.deliver(NEW)
            await sink.deliver(Event("end", "x", {"id": "h1", "clip": None}, 2))
        await listener.hear_until("clips/available", "stopped")
    assert [heard[:3] for heard in listener.heard] == [
        ("clips/available", "online", 1),
        ("clips/x/state", "live", 1),
        ("clips/x/window", {"score": 1.5, "threshold": 2.0, "signals": {"motion": 0.1}}, 0),
        ("clips/x/alerts", {"type": "new", "highlight": {"id": "h1"}}, 1),
        ("clips/x/alerts", {"type": "end", "highlight": {"id": "h1", "clip": None}}, 1),
        ("clips/available", "stopped", 1),
    ]


async def test_who_comes_later_finds_availability_and_state_but_no_alert(broker: Broker) -> None:
    async with Mqtt(broker.url) as sink:
        await connected(sink)
        await sink.deliver(Event("state", "x", {"state": "live"}))
        await sink.deliver(NEW)
        async with listening(broker) as late:
            heard = {await late.hear(), await late.hear()}
            assert heard == {("clip_highlights/available", "online", 1, True), ("clip_highlights/x/state", "live", 1, True)}
            await sink.deliver(NEW)
            assert (await late.hear())[0] == "clip_highlights/x/alerts"


async def test_what_is_no_json_is_refused_and_breaks_nothing(broker: Broker) -> None:
    async with Mqtt(broker.url) as sink:
        await connected(sink)
        with pytest.raises(SinkError, match="not json compliant"):
            await sink.deliver(Event("window", "x", {"threshold": float("nan")}))
        await sink.deliver(NEW)


@given(st.text())
def test_no_name_is_more_than_one_level_or_a_wildcard(name: str) -> None:
    part = topic_part(name)
    assert 1 <= len(part) <= 128
    assert not set(part) & set("+#/\x00")
    part.encode()


# ---- addresses


def test_an_address_may_name_port_user_and_password() -> None:
    broker = parse("mqtts://me:p%40ss%3Aword@host:1234/")
    assert (broker.host, broker.port, broker.is_encrypted, broker.user, broker.password) == (
        "host",
        1234,
        True,
        "me",
        "p@ss:word",
    )
    assert "p@ss" not in repr(broker)
    assert (parse("mqtt://h").port, parse("mqtts://h").port) == (1883, 8883)


@pytest.mark.parametrize(
    "url", ["", "host", "http://me:secret@h", "mqtt://", "mqtt://h:99999", "mqtt://me:secret@h:x", "mqtt://h/topic", "mqtt://[h"]
)
def test_a_bad_address_is_one_line_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Mqtt(url)
    assert "mqtt.url" in str(raised.value)
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


async def test_user_and_password_are_sent_and_a_wrong_one_is_said(need_program: Callable[..., Path], tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    await run(need_program("mosquitto_passwd"), "-b", "-c", passwords, "me", "p@ss")
    broker = Broker(need_program("mosquitto"), tmp_path, "allow_anonymous false", f"password_file {passwords}")
    broker.start()
    try:
        async with Mqtt(f"mqtt://me:p%40ss@127.0.0.1:{broker.port}") as sink:
            await connected(sink)
        tried = asyncio.Event()

        async def note(_: float) -> None:
            tried.set()
            await asyncio.Event().wait()

        async with Mqtt(f"mqtt://me:wrong@127.0.0.1:{broker.port}", sleep=note) as sink:
            await tried.wait()
            assert sink.status == "waiting: not authorized"
    finally:
        broker.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho leaves its socket to the garbage collector
async def test_mqtts_encrypts_and_trusts_only_known_authorities(
    need_program: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    options = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    await run(need_program("openssl"), "req", "-x509", *options, "-keyout", key, "-out", certificate)
    broker = Broker(need_program("mosquitto"), tmp_path, "allow_anonymous true", f"certfile {certificate}", f"keyfile {key}")
    broker.start()
    try:
        tried = asyncio.Event()

        async def note(_: float) -> None:
            tried.set()
            await asyncio.Event().wait()

        async with Mqtt(f"mqtts://localhost:{broker.port}", sleep=note) as sink:
            await tried.wait()
            assert sink.status == "waiting: certificate verify failed: self-signed certificate"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        async with Mqtt(f"mqtts://localhost:{broker.port}") as sink:
            await connected(sink)
            await sink.deliver(NEW)
    finally:
        broker.stop()


# ---- a client that goes


async def test_the_broker_says_offline_when_the_program_is_killed(broker: Broker) -> None:
    script = f"""
import asyncio
from sinks.mqtt import Mqtt
async def main():
    async with Mqtt({broker.url!r}):
        await asyncio.Event().wait()
asyncio.run(main())
"""
    async with listening(broker) as listener:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=REPOSITORY)
        await listener.hear_until("clip_highlights/available", "online")
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await listener.hear_until("clip_highlights/available", "offline")
    async with listening(broker) as late:
        assert await late.hear() == ("clip_highlights/available", "offline", 1, True)


# ---- a broker that goes


async def test_while_the_broker_is_down_alerts_are_refused_and_it_says_why(broker: Broker) -> None:
    broker.stop()
    tried = asyncio.Event()

    async def note(_: float) -> None:
        tried.set()
        await asyncio.sleep(0.01)

    async with Mqtt(broker.url, sleep=note) as sink:
        await tried.wait()
        assert sink.status == "waiting: connection refused"
        with pytest.raises(SinkError, match="connection refused"):
            await sink.deliver(NEW)
        await sink.deliver(Event("state", "x", {"state": "live"}))
        await sink.deliver(Event("state", "x", {"state": "ended"}))
        ready = connecting(sink)
        broker.start()
        async with asyncio.timeout(10):
            await ready.wait()
        async with listening(broker, topic="clip_highlights/x/state") as late:
            assert await late.hear() == ("clip_highlights/x/state", "ended", 1, True), "told on connecting"


async def test_it_rests_longer_after_each_failure_to_connect(broker: Broker) -> None:
    broker.stop()
    rests: list[float] = []
    enough = asyncio.Event()

    async def note(seconds: float) -> None:
        rests.append(seconds)
        if len(rests) == 8:
            enough.set()
            await asyncio.Event().wait()

    async with Mqtt(broker.url, sleep=note, chance=lambda: 1.0):
        await enough.wait()
    assert rests == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


async def hear_alerts(listener: Listener, last: int) -> list[int]:
    """The numbers of the alerts up to ``last``."""
    numbers: list[int] = []
    while last not in numbers:
        _, payload, quality, _ = await listener.hear()
        assert quality == 1
        numbers.append(payload["highlight"]["id"])
    return numbers


async def test_nothing_is_lost_when_the_broker_is_down_at_the_start_and_restarts_midway(broker: Broker, tmp_path: Path) -> None:
    r"""
    broker     down ├── up ──┤ down ├── up
    alerts     0 1      2 3     4 5    6 7
    """
    async with listening(broker, topic="clip_highlights/x/alerts", name="remembered"):
        pass
    broker.stop()
    sink = Mqtt(broker.url, sleep=at_once)
    async with (
        Journal.open(tmp_path / "journal.sqlite3") as journal,
        Outbox(journal, {"mqtt": sink}, max_days=7, sleep=at_once) as outbox,
    ):
        for number in (0, 1):
            await journal.append("x", "update", {"id": number})
        assert outbox.waiting == 2
        broker.start()
        for number in (2, 3):
            await journal.append("x", "update", {"id": number})
        assert await outbox.drain(10)
        broker.stop()
        for number in (4, 5):
            await journal.append("x", "update", {"id": number})
        broker.start()
        for number in (6, 7):
            await journal.append("x", "update", {"id": number})
        assert await outbox.drain(10)
    async with listening(broker, topic="clip_highlights/x/alerts", name="remembered") as listener:
        heard = await hear_alerts(listener, last=7)
    assert list(dict.fromkeys(heard)) == list(range(8)), "each at least once, in order"


async def test_nothing_is_lost_when_the_program_is_killed_again_and_again(broker: Broker, tmp_path: Path) -> None:
    """Every process dies with kill -9 right after a PUBACK, before the outbox can note it: that alert comes twice."""
    path = tmp_path / "journal.sqlite3"
    script = f"""
import asyncio, os, signal
from pathlib import Path
from sinks.mqtt import Mqtt
from stream_processor.journal import Journal
from stream_processor.delivering.outbox import Outbox
class Dying(Mqtt):
    async def deliver(self, event):
        await super().deliver(event)
        if event.sequence % 2 == 0:
            os.kill(os.getpid(), signal.SIGKILL)
async def main():
    async with Journal.open(Path({str(path)!r})) as journal, Outbox(journal, {{"mqtt": Dying({broker.url!r})}}, max_days=7):
        await asyncio.Event().wait()
asyncio.run(main())
"""
    async with listening(broker, topic="clip_highlights/x/alerts") as listener:
        async with Journal.open(path) as journal:
            await journal.cursor("mqtt")
            for number in range(4):
                await journal.append("x", "update", {"id": number})
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=REPOSITORY)
        assert await process.wait() == -signal.SIGKILL
        async with (
            Journal.open(path) as journal,
            Outbox(journal, {"mqtt": Mqtt(broker.url)}, max_days=7) as outbox,
        ):
            assert await outbox.drain(10)
        assert await hear_alerts(listener, last=3) == [0, 1, 1, 2, 3]


async def test_what_a_broker_does_not_confirm_in_time_is_refused_and_the_connection_begun_anew(broker: Broker) -> None:
    async with Proxy(broker) as proxy:
        proxy.swallows = "clip_highlights/x/alerts"
        async with Mqtt(proxy.url, sleep=at_once, confirm_seconds=0.2) as sink:
            await connected(sink)
            for _ in range(2):
                again = connecting(sink)
                with pytest.raises(SinkError, match="not confirmed within"):
                    await sink.deliver(NEW)
                async with asyncio.timeout(10):
                    await again.wait()
            proxy.swallows = ""
            await sink.deliver(NEW)
        assert [topic for topic, _ in proxy.confirmed].count("clip_highlights/x/alerts") == 1, "nothing had piled up"


async def test_a_connection_that_goes_while_it_waits_for_a_confirmation_is_noticed_at_once(broker: Broker) -> None:
    async with Proxy(broker) as proxy:
        proxy.max_packet = 1000
        async with Mqtt(proxy.url, sleep=at_once, confirm_seconds=3600.0) as sink:
            await connected(sink)
            with pytest.raises(SinkError, match="lost before it was confirmed"):
                await sink.deliver(Event("new", "x", {"id": "h1", "windows": ["w" * 2000]}, 1))


async def test_an_alert_at_which_the_broker_goes_four_times_is_told_without_what_makes_it_large(broker: Broker) -> None:
    async with Proxy(broker) as proxy:
        proxy.max_packet = 1000
        large = Event("end", "x", {"id": "h1", "filename": "a.mp4", "windows": ["w" * 2000], "parameters": {"p": 1}}, 7)
        async with Mqtt(proxy.url, sleep=at_once) as sink:
            for _ in range(4):
                await connected(sink)
                with pytest.raises(SinkError):
                    await sink.deliver(large)
            await connected(sink)
            await sink.deliver(large)
        topic, payload = proxy.confirmed[-2]
        assert topic == "clip_highlights/x/alerts"
        assert payload == b'{"type":"end","highlight":{"id":"h1","filename":"a.mp4","shortened":true}}'
