"""Events over MQTT, in the shape Frigate's users know.

PREFIX/available        online, stopped, offline: retained, QoS 1; offline is the broker's to say when we are gone (the will)
PREFIX/CHANNEL/alerts   {"type": "new" | "update" | "end", "highlight": {…}}: QoS 1, not retained
PREFIX/CHANNEL/state    live, reconnecting, ended: retained, QoS 1
PREFIX/CHANNEL/window   score, threshold and signals as JSON: QoS 0, lost where nobody listens

A connection is kept up in the background, one aiomqtt client for each; one publish is in flight at a time. A broker that is
down stops nothing: alerts are refused (SinkError) and stay in the outbox, states are remembered and told on connecting. One that
does not confirm a publish in ``_CONFIRM_SECONDS`` is connected to anew, so that nothing piles up in front of it.

A broker says of an alert that is too large for it no more than that it closes the connection. One at which it did so
``_SHORTEN_AFTER`` times is published without its windows and parameters, and says so: "shortened": true.
"""

import asyncio
import json
import math
import random
import re
import secrets
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import aiomqtt
import structlog

from sinks.mqtt_address import parse, topic_part
from sinks.reconnecting import Reconnecting
from stream_processor.errors import SinkError
from stream_processor.records import Event
from stream_processor.redact import redact

_CONFIRM_SECONDS = 30.0
_SHORTEN_AFTER = 4
_LEFT_OUT = ("windows", "parameters", "deviations", "components")
_STOP_SECONDS = 3.0

log = structlog.get_logger(__name__)


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
        clock: Callable[[], float] = time.monotonic,
        confirm_seconds: float = _CONFIRM_SECONDS,
    ) -> None:
        self._broker = parse(url)
        self._prefix = prefix.strip("/")
        self._keepalive_seconds = keepalive_seconds
        self._sleep = sleep
        self._chance = chance
        self._clock = clock
        self._confirm_seconds = confirm_seconds
        self._reconnecting = Reconnecting()
        self._failed: tuple[Event | None, int] = (None, 0)  # the alert at which the connection was lost, and how often in a row
        self._unconfirmed = asyncio.Event()
        self._gone = asyncio.Event()  # of the present connection
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
            await self._deliver_alert(f"{channel}/alerts", event)

    async def _deliver_alert(self, topic: str, event: Event) -> None:
        failed, times = self._failed
        if failed is None or failed.sequence != event.sequence:
            times = 0
        was_connected = self._client is not None
        try:
            await self._publish(
                topic, {"type": event.type, "highlight": _shortened(event) if times >= _SHORTEN_AFTER else event.payload}
            )
        except SinkError as error:
            if was_connected:
                self._failed = (event, times + 1)
                if times + 1 == 2 * _SHORTEN_AFTER:
                    log.error(
                        "the MQTT broker goes away at this alert each time: all later ones wait behind it (outbox.max_days)",
                        **_what(event),
                        reason=str(error),
                    )
            raise
        self._reconnecting.useful()
        if times >= _SHORTEN_AFTER:
            log.warning("an alert was too much for the MQTT broker: it has it without its windows and parameters", **_what(event))
        self._failed = (None, 0)

    async def _publish(self, topic: str, payload: str | Mapping[str, Any], *, qos: int = 1, retain: bool = False) -> None:
        if self._client is None:
            raise SinkError(self.status.removeprefix("waiting: "))
        try:
            text = payload if isinstance(payload, str) else _json(payload)
        except ValueError as error:  # NaN
            raise SinkError(_reason(error)) from error
        # aiomqtt would wait for the confirmation even after the connection has gone.
        publishing = asyncio.ensure_future(self._client.publish(topic, text, qos=qos, retain=retain, timeout=math.inf))
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            done, _ = await asyncio.wait([publishing, gone], timeout=self._confirm_seconds, return_when=asyncio.FIRST_COMPLETED)
            if publishing in done:
                publishing.result()
            elif gone in done:
                raise SinkError("the connection was lost before it was confirmed")
            else:
                self._unconfirmed.set()
                raise SinkError(f"not confirmed within {self._confirm_seconds:g} s")
        except (aiomqtt.MqttError, ValueError) as error:  # ValueError: more than MQTT can carry
            raise SinkError(_reason(error)) from error
        finally:
            publishing.cancel()
            gone.cancel()

    async def _stay_connected(self) -> None:
        while not self._stop.is_set():
            try:
                async with self._new_client() as client:
                    await self._greet(client)
                    await self._until_lost_or_stopped(client)
            except (aiomqtt.MqttError, OSError, ValueError) as error:  # ValueError: a host name that cannot be one
                self._say_lost(_reason(error))
            finally:
                self._client = None
                self._gone.set()
            if not self._stop.is_set():
                await self._pause(self._reconnecting.wait_seconds(self._chance()))

    def _say_lost(self, reason: str) -> None:
        self.status = f"waiting: {reason}"
        if self._reconnecting.lost(reason, self._clock()):
            times = self._reconnecting.said()
            more = {"times": times} if times > 1 else {}
            log.warning("MQTT broker not reachable: alerts wait, trying again", broker=self._address, reason=reason, **more)

    async def _greet(self, client: aiomqtt.Client) -> None:
        """`online` and all known states, then the door is open for events."""
        await client.publish(self._available, "online", qos=1, retain=True)
        for topic, state in list(self._states.items()):
            await client.publish(topic, state, qos=1, retain=True)
        self._client, self._gone = client, asyncio.Event()
        self.status = "connected"
        if self._reconnecting.connected(self._clock()):
            log.info("MQTT broker connected", broker=self._address)
        for callback in self._ready:
            callback()

    async def _until_lost_or_stopped(self, client: aiomqtt.Client) -> None:
        """MqttError: lost. On stopping `stopped` is said first, so that nobody hears the will."""
        self._unconfirmed.clear()
        lost = asyncio.ensure_future(anext(client.messages))  # nothing is subscribed: it ends only with the connection
        stop = asyncio.ensure_future(self._stop.wait())
        unconfirmed = asyncio.ensure_future(self._unconfirmed.wait())
        try:
            await asyncio.wait([lost, stop, unconfirmed], return_when=asyncio.FIRST_COMPLETED)
            if lost.done():
                lost.result()
            if unconfirmed.done() and not stop.done():
                raise aiomqtt.MqttError(f"it confirms nothing within {self._confirm_seconds:g} s")
            self._client = None
            await client.publish(self._available, "stopped", qos=1, retain=True)
        finally:
            for each in (lost, stop, unconfirmed):
                each.cancel()

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


def _shortened(event: Event) -> dict[str, Any]:
    return {**{name: value for name, value in event.payload.items() if name not in _LEFT_OUT}, "shortened": True}


def _what(event: Event) -> dict[str, Any]:
    return {"channel": event.channel, "type": event.type, "highlight": event.payload.get("id")}


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=dict, allow_nan=False)


def _reason(error: Exception) -> str:
    """One short line: what the network or the broker said."""
    text = str(error) or type(error).__name__
    return redact(" ".join(re.sub(r"\[[^\]]*\]|\(_ssl[^)]*\)", "", text).split())).lower()
