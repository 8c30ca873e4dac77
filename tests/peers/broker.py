"""A real mosquitto on loopback that a test may stop, kill and start again, and someone who listens to it."""

import asyncio
import getpass
import json
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt


class Broker:
    """``port`` stays the same over restarts; what sessions wait for is kept over them too."""

    def __init__(self, mosquitto: Path, folder: Path, *config: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.config = folder / "mosquitto.conf"
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"user {getpass.getuser()}",
            "persistence true",
            f"persistence_location {folder}/",
        ]
        self.config.write_text("\n".join([*lines, *(config or ["allow_anonymous true"]), ""]))
        self._mosquitto = mosquitto
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._mosquitto, "-c", self.config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def kill(self) -> None:
        """Without a goodbye. What it had not written to its disk yet is lost to it: its sessions are as ``stop`` left them."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


class Listener:
    """Hears everything below a prefix, each message as (topic, payload, QoS, retained)."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        self.heard: list[tuple[str, Any, int, bool]] = []

    async def hear(self) -> tuple[str, Any, int, bool]:
        """The next message. TimeoutError: none came within ten seconds."""
        async with asyncio.timeout(10):
            message = await anext(aiter(self._client.messages))
        assert isinstance(message.payload, bytes)
        text = message.payload.decode()
        payload = json.loads(text) if text.startswith("{") else text
        self.heard.append((message.topic.value, payload, message.qos, message.retain))
        return self.heard[-1]

    async def hear_until(self, topic: str, payload: Any) -> None:
        while (heard := await self.hear())[:2] != (topic, payload):
            assert heard


@asynccontextmanager
async def listening(broker: Broker, *, topic: str = "#", name: str | None = None, **login: Any) -> AsyncIterator[Listener]:
    """``name``: a session that the broker remembers, so that nothing is missed while nobody is connected."""
    async with aiomqtt.Client("127.0.0.1", broker.port, identifier=name, clean_session=name is None, **login) as client:
        await client.subscribe(topic, qos=1)
        yield Listener(client)
