"""The real program and a real broker that is away, dies, refuses or drops: every alert arrives at least once, in order.

jsonl, the other sink, is not held up by any of it: it is what the broker's alerts are compared with.
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.watched import Watched, in_pieces, watched
from tests.peers.broker import Broker, listening
from tests.peers.broker_proxy import Proxy
from tests.program import strict

ALERTS = "clip_highlights/pipe/alerts"
LIVELY = [(4.0, 5.0), (14.0, 15.0), (24.0, 25.0), (34.0, 35.0), (44.0, 45.0)]
PIECE_SECONDS = 6


@pytest.fixture
def broker(need_program: Callable[..., Path], tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(need_program("mosquitto"), tmp_path)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def pieces(made: Callable[..., Path]) -> list[bytes]:
    """A stream of 48 s; a highlight is decided 3 s after its end, and a clip is whole then."""
    return in_pieces(made("h264 in ts", seconds=48), PIECE_SECONDS)


async def remember(broker: Broker) -> None:
    """From here on the broker keeps every alert for whoever calls himself so, over its own restarts."""
    async with listening(broker, topic=ALERTS, name="remembered"):
        pass


async def heard_until_end(broker: Broker, highlights: int) -> list[dict[str, Any]]:
    """The alerts up to the last highlight's `end`."""
    heard: list[dict[str, Any]] = []
    async with listening(broker, topic=ALERTS, name="remembered") as listener:
        while len({alert["highlight"]["id"] for alert in heard if alert["type"] == "end"}) < highlights:
            heard.append((await listener.hear())[1])
    return heard


def told_until_end(program: Watched, highlights: int) -> list[dict[str, Any]]:
    """The same alerts as jsonl has them, which has a pace of its own."""
    program.tells("end", highlights)
    told = program.alerts()
    ends = [place for place, alert in enumerate(told) if alert["type"] == "end"]
    return told[: ends[highlights - 1] + 1]


def assert_all_in_order(heard: list[dict[str, Any]], told: list[dict[str, Any]]) -> None:
    """Each alert of ``told`` at least once, and the first time that each was heard is in their order."""
    expected = [{"type": alert["type"], "highlight": alert["highlight"]} for alert in told]
    first = [alert for place, alert in enumerate(heard) if alert not in heard[:place]]
    assert first == expected


def confirmed(proxy: Proxy) -> list[dict[str, Any]]:
    return [strict(payload.decode()) for topic, payload in proxy.confirmed if topic == ALERTS]


async def in_thread(function: Callable[[], object]) -> None:
    await asyncio.to_thread(function)


async def test_a_broker_that_is_down_at_the_start_and_restarted_under_load_gets_every_alert_in_order(
    broker: Broker, pieces: list[bytes], tmp_path: Path
) -> None:
    r"""
    pieces    0 1 2 │ 3 4 │ 5 6 │ 7
    broker    down ─┘ up ─┘ ✗ ──┘ up
    """
    async with Proxy(broker) as proxy:
        await proxy.go_down()
        with watched(tmp_path, LIVELY, "--mqtt", proxy.url) as program:
            await in_thread(lambda: program.says("MQTT broker not reachable"))
            await in_thread(lambda: program.feed(*pieces[:4]))
            await in_thread(lambda: program.tells("end", 1))
            await proxy.come_up()
            await in_thread(lambda: program.says("MQTT broker connected"))
            await in_thread(lambda: program.feed(*pieces[4:5]))
            await in_thread(lambda: program.tells("end", 2))
            broker.kill()
            await proxy.go_down()
            await in_thread(lambda: program.feed(*pieces[5:7]))
            await in_thread(lambda: program.tells("end", 3))
            broker.start()
            await proxy.come_up()
            await in_thread(lambda: program.feed(pieces[7]))
            await in_thread(program.end)
            assert_all_in_order(confirmed(proxy), program.alerts())
            assert len(program.ended()) == 5
            assert all(ended["clip"] for ended in program.ended())
            assert program.said.count("MQTT broker not reachable") <= 3, program.said


async def test_what_the_broker_missed_comes_with_the_next_run(broker: Broker, pieces: list[bytes], tmp_path: Path) -> None:
    await remember(broker)
    broker.stop()
    with watched(tmp_path, LIVELY, "--mqtt", broker.url) as program:
        await in_thread(lambda: program.feed(*pieces))
        told = await asyncio.to_thread(told_until_end, program, 3)
    broker.start()
    with watched(tmp_path, [], "--mqtt", broker.url) as again:
        await in_thread(lambda: again.says("MQTT broker connected"))
        heard = await heard_until_end(broker, highlights=3)
    assert_all_in_order(heard, told)


async def test_refused_credentials_are_said_once_and_hold_up_nothing_else(
    need_program: Callable[..., Path], pieces: list[bytes], tmp_path: Path
) -> None:
    broker = Broker(need_program("mosquitto"), tmp_path, "allow_anonymous false")
    broker.start()
    try:
        with watched(tmp_path, LIVELY, "--mqtt", broker.url.replace("//", "//me:s3cret-word@")) as program:
            await in_thread(lambda: program.feed(*pieces))
            await in_thread(lambda: program.tells("end", 3))
            said = program.said
        assert said.count("MQTT broker not reachable") == 1, said
        assert "s3cret-word" not in said
    finally:
        broker.stop()


async def test_a_broker_that_drops_the_connection_after_every_publish_gets_them_all_and_the_log_is_not_flooded(
    broker: Broker, pieces: list[bytes], tmp_path: Path
) -> None:
    await remember(broker)
    async with Proxy(broker) as proxy:
        proxy.drops_after_confirming = ALERTS
        with watched(tmp_path, LIVELY, "--mqtt", proxy.url) as program:
            await in_thread(lambda: program.feed(*pieces))
            heard = await heard_until_end(broker, highlights=3)
            assert_all_in_order(heard, await asyncio.to_thread(told_until_end, program, 3))
            assert proxy.connections >= len(heard)
            assert program.said.count("MQTT") <= 6, program.said


async def test_an_alert_that_is_too_large_for_the_broker_comes_shortened_and_blocks_no_other(
    broker: Broker, pieces: list[bytes], tmp_path: Path
) -> None:
    await remember(broker)
    async with Proxy(broker) as proxy:
        with watched(tmp_path, LIVELY, "--mqtt", proxy.url) as program:
            proxy.max_packet = 1500
            await in_thread(lambda: program.feed(*pieces[:4]))
            await in_thread(lambda: program.says("without its windows and parameters"))
            proxy.max_packet = 0
            await in_thread(lambda: program.feed(*pieces[4:]))
            heard = await heard_until_end(broker, highlights=3)
            told = await asyncio.to_thread(told_until_end, program, 3)
    shortened = [alert["highlight"] for alert in heard if alert["highlight"].get("shortened")]
    assert shortened
    assert all({"id", "start_time", "end_time", "filename"} <= set(highlight) for highlight in shortened)
    names = [(alert["type"], alert["highlight"]["id"]) for alert in heard]
    assert list(dict.fromkeys(names)) == list(dict.fromkeys((alert["type"], alert["highlight"]["id"]) for alert in told))


async def test_while_a_broker_confirms_nothing_all_else_goes_on(broker: Broker, pieces: list[bytes], tmp_path: Path) -> None:
    async with Proxy(broker) as proxy:
        proxy.swallows = ALERTS
        with watched(tmp_path, LIVELY, "--mqtt", proxy.url) as program:
            await in_thread(lambda: program.says("MQTT broker connected"))
            await in_thread(lambda: program.feed(*pieces))
            await in_thread(lambda: program.tells("end", 3))
            assert all(alert["clip"] for alert in program.ended())


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "word"), [(signal.SIGKILL, "offline"), (signal.SIGTERM, "stopped")], ids=["kill", "term"])
async def test_whoever_comes_later_finds_how_the_program_left(
    broker: Broker, pieces: list[bytes], tmp_path: Path, number: signal.Signals, word: str
) -> None:
    with watched(tmp_path, LIVELY, "--mqtt", broker.url) as program:
        await in_thread(lambda: program.says("MQTT broker connected"))
        await in_thread(lambda: program.feed(pieces[0]))
        program.process.send_signal(number)
        await in_thread(program.process.wait)
    async with listening(broker, topic="clip_highlights/available") as late:
        while (heard := await late.hear())[1] != word:  # the broker tells the will a moment after the socket is gone
            assert heard[1] == "online"
        assert heard[3] or number == signal.SIGKILL
