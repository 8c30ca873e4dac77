"""What the port tells while the program runs: a real journal, a real outbox, and a sink that refuses."""

import asyncio
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stream_processor.delivering.outbox import Outbox
from stream_processor.errors import ListenError, SinkError
from stream_processor.journal import Journal
from stream_processor.operations import observing
from stream_processor.operations.observing import Observing
from stream_processor.records import Event
from stream_processor.settings import Settings
from tests.delivering.test_outbox import Scripted
from tests.statuses import live

SERVED = Settings.model_validate({"metrics": {"listen": "127.0.0.1:0"}})


class Refusing(Scripted):
    async def deliver(self, event: Event) -> None:
        raise SinkError("no room")


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with Journal.open(tmp_path / "journal.sqlite3") as journal:
        yield journal


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where it is served, as the log says it."""
    said: list[str] = []
    monkeypatch.setattr(observing.log, "info", lambda _, address: said.append(address))
    return said


async def scrape(address: str) -> dict[tuple[str, str], float]:
    """Name and sink -> value."""

    def get() -> str:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=60) as answer:
            return str(answer.read().decode())

    families = text_string_to_metric_families(await asyncio.to_thread(get))
    return {(one.name, one.labels.get("sink", "")): one.value for family in families for one in family.samples}


async def test_alerts_that_a_sink_refuses_are_told_with_their_age(
    journal: Journal, tmp_path: Path, address: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing, "LOOK_SECONDS", 0.05)
    file = tmp_path / "journal.sqlite3"
    async with (
        Observing(SERVED, [live()]) as observed,
        Outbox(journal, {"good": Scripted(), "bad": Refusing()}, max_days=7) as outbox,
        observed.counting(outbox, tmp_path, file, lambda: 7),
    ):
        await journal.append("x", "update", {"id": 1})
        while True:  # until the loop has looked; the test's own time limit ends it otherwise
            told = await scrape(address[0])
            if (
                told.get(("clip_highlights_outbox_oldest_seconds", "bad"), 0) > 0
                and ("clip_highlights_journal_bytes", "") in told
            ):
                break
        assert told["clip_highlights_outbox_alerts", "bad"] == 1
        assert told["clip_highlights_sink_failures_total", "bad"] >= 1
        assert told["clip_highlights_sink_connected", "bad"] == 0
        assert told["clip_highlights_alerts_delivered_total", "good"] == 1
        assert told["clip_highlights_sink_connected", "good"] == 1
        assert told["clip_highlights_journal_bytes", ""] >= file.stat().st_size
        assert told["clip_highlights_output_free_bytes", ""] > 0
        assert told["clip_highlights_clips_removed_total", ""] == 7
    with pytest.raises(OSError, match="refused"):
        await scrape(address[0])


async def test_what_is_counted_stays_while_the_program_ends(journal: Journal, tmp_path: Path, address: list[str]) -> None:
    async with Observing(SERVED, [live()]) as observed:
        outbox = Outbox(journal, {"good": Scripted()}, max_days=7)
        async with outbox, observed.counting(outbox, tmp_path, tmp_path / "journal.sqlite3", lambda: 0):
            await journal.append("x", "update", {"id": 1})
            assert await outbox.drain(60)
        assert (await scrape(address[0]))["clip_highlights_alerts_delivered_total", "good"] == 1


async def test_a_port_that_is_taken_is_an_error_before_anything_else(address: list[str]) -> None:
    async with Observing(SERVED, [live()]):
        taken = Settings.model_validate({"metrics": {"listen": address[0]}})
        with pytest.raises(ListenError, match="Address already in use"):
            async with Observing(taken, [live()]):
                pass


async def test_an_error_of_the_heartbeat_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> float:
        raise RuntimeError("a bug")

    monkeypatch.setattr("stream_processor.operations.health.Health.look", fails)
    with pytest.raises(RuntimeError, match="a bug"):  # noqa: PT012 # the loop has to turn for it
        async with Observing(Settings(), [live()]):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
