"""Events over MQTT, in the shape Frigate's users know.

PREFIX/available        online, stopped, offline: retained, QoS 1; offline is the broker's to say when we are gone (the will)
PREFIX/CHANNEL/alerts   {"type": "new" | "update" | "end", "highlight": {…}}: QoS 1, not retained
PREFIX/CHANNEL/state    live, reconnecting, ended: retained, QoS 1
PREFIX/CHANNEL/window   score, threshold and signals as JSON: QoS 0, lost where nobody listens

A connection is kept up in the background, one aiomqtt client for each; one publish is in flight at a time. A broker that is
down stops nothing: alerts are refused (SinkError) and stay in the outbox, states are remembered and told on connecting.
"""

import asyncio
import json
import random
import re
import secrets
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import aiomqtt
import structlog

from stream_processor.errors import SettingsError, SinkError
from stream_processor.records import Event
from stream_processor.redact import redact

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 30.0
_STOP_SECONDS = 3.0
_LONGEST_TOPIC_PART = 128

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Broker:
    """Where it is and how to log in. ``password`` never shows."""

    host: str
    port: int
    is_encrypted: bool
    user: str | None
    password: str | None = field(repr=False)


def parse(url: str) -> Broker:
    """``mqtt://[USER[:PASSWORD]@]HOST[:PORT]`` or ``mqtts://…``; user and password may be percent-encoded.

    SettingsError: anything else; the password is left out of the message.
    """
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError(f"mqtt.url {redact(url)!r}: {redact(str(error))}") from None
    if scheme not in _PORTS or not host:
        raise SettingsError(f"mqtt.url {redact(url)!r}: expected mqtt://HOST[:PORT] or mqtts://HOST[:PORT]")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise SettingsError(f"mqtt.url {redact(url)!r}: nothing may follow the port; topics begin with mqtt.prefix")
    return Broker(
        host=host,
        port=port if port is not None else _PORTS[scheme],
        is_encrypted=scheme == "mqtts",
        user=unquote(parts.username) if parts.username is not None else None,
        password=unquote(parts.password) if parts.password is not None else None,
    )


def topic_part(name: str) -> str:
    """``name`` as one level of a topic: without wildcards, separators and control characters, of sane length, never empty."""
    return re.sub(r"[#+/\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]", "_", name)[:_LONGEST_TOPIC_PART] or "_"


class Mqtt:
    """A broker. ``status`` is for people: connected, or what it waits for. SettingsError: a bad URL."""

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "clip_highlights",
        keepalive_seconds: int = 30,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._broker = parse(url)
        self._prefix = prefix.strip("/")
        self._keepalive_seconds = keepalive_seconds
        self._sleep = sleep
        self._chance = chance
        # The same name on every connection: the broker then drops our own half-open one, its will told, before "online".
        self._name = f"clip-highlights-{secrets.token_hex(6)}"
        self._states: dict[str, str] = {}
        self._client: aiomqtt.Client | None = None
        self._ready: list[Callable[[], None]] = []
        self._stop = asyncio.Event()
        self._now = asyncio.Event()
        self.status = "waiting: not connected yet"

    def when_ready(self, callback: Callable[[], None]) -> None:
        self._ready.append(callback)

    async def __aenter__(self) -> "Mqtt":
        self._stop.clear()
        self._task = asyncio.create_task(self._stay_connected(), name="mqtt connection")
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Say `stopped` and leave, if that can be done in a moment."""
        self._stop.set()
        _, late = await asyncio.wait([self._task], timeout=_STOP_SECONDS)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self.status = "off" if not late else "off, without a goodbye"

    async def deliver(self, event: Event) -> None:
        """Publish one event; for alerts, return after the broker's PUBACK. SinkError: not connected, or lost meanwhile."""
        channel = f"{self._prefix}/{topic_part(event.channel)}"
        if event.type == "state":
            self._states[f"{channel}/state"] = str(event.payload["state"])
            if self._client is not None:
                await self._publish(f"{channel}/state", self._states[f"{channel}/state"], retain=True)
        elif event.type == "window":
            await self._publish(f"{channel}/window", event.payload, qos=0)
        else:
            await self._publish(f"{channel}/alerts", {"type": event.type, "highlight": event.payload})

    async def _publish(self, topic: str, payload: str | Mapping[str, Any], *, qos: int = 1, retain: bool = False) -> None:
        if self._client is None:
            raise SinkError(self.status.removeprefix("waiting: "))
        try:
            text = payload if isinstance(payload, str) else _json(payload)
            await self._client.publish(topic, text, qos=qos, retain=retain)
        except (aiomqtt.MqttError, ValueError) as error:  # ValueError: NaN, or more than MQTT can carry
            raise SinkError(_reason(error)) from error

    async def _stay_connected(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                async with self._new_client() as client:
                    failures = 0
                    await self._greet(client)
                    await self._until_lost_or_stopped(client)
            except (aiomqtt.MqttError, OSError, ValueError) as error:  # ValueError: a host name that cannot be one
                if failures == 0:
                    log.warning("MQTT broker not reachable, trying again", broker=self._address, reason=_reason(error))
                self.status = f"waiting: {_reason(error)}"
                failures += 1
            finally:
                self._client = None
            if not self._stop.is_set():
                longest = min(_FIRST_WAIT_SECONDS * 2.0 ** min(failures - 1, 16), _LONGEST_WAIT_SECONDS)
                await self._pause(longest * (0.5 + 0.5 * self._chance()))

    async def _greet(self, client: aiomqtt.Client) -> None:
        """`online` and all known states, then the door is open for events."""
        await client.publish(self._available, "online", qos=1, retain=True)
        for topic, state in list(self._states.items()):
            await client.publish(topic, state, qos=1, retain=True)
        self._client = client
        self.status = "connected"
        log.info("MQTT broker connected", broker=self._address)
        for callback in self._ready:
            callback()

    async def _until_lost_or_stopped(self, client: aiomqtt.Client) -> None:
        """MqttError: lost. On stopping `stopped` is said first, so that nobody hears the will."""
        lost = asyncio.ensure_future(anext(client.messages))  # nothing is subscribed: it ends only with the connection
        stop = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait([lost, stop], return_when=asyncio.FIRST_COMPLETED)
            if lost.done():
                lost.result()
            self._client = None
            await client.publish(self._available, "stopped", qos=1, retain=True)
        finally:
            lost.cancel()
            stop.cancel()

    def hurry(self) -> None:
        """Try to connect now, if that is being waited for."""
        self._now.set()

    async def _pause(self, seconds: float) -> None:
        """Sleep, unless told to stop or to hurry."""
        self._now.clear()
        waits = [asyncio.ensure_future(each) for each in (self._sleep(seconds), self._stop.wait(), self._now.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _new_client(self) -> aiomqtt.Client:
        return aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            username=self._broker.user,
            password=self._broker.password,
            identifier=self._name,
            keepalive=self._keepalive_seconds,
            will=aiomqtt.Will(self._available, "offline", qos=1, retain=True),
            tls_context=ssl.create_default_context() if self._broker.is_encrypted else None,
            max_queued_incoming_messages=1,
        )

    @property
    def _available(self) -> str:
        return f"{self._prefix}/available"

    @property
    def _address(self) -> str:
        return f"{self._broker.host}:{self._broker.port}"


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=dict, allow_nan=False)


def _reason(error: Exception) -> str:
    """One short line: what the network or the broker said."""
    text = str(error) or type(error).__name__
    return redact(" ".join(re.sub(r"\[[^\]]*\]|\(_ssl[^)]*\)", "", text).split())).lower()
