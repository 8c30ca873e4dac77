"""Stands before a real broker and treats what passes as a broken, small or silent one would."""

import asyncio
from contextlib import suppress

from tests.peers.broker import Broker

_PUBLISH, _PUBACK = 3, 4
_Awaited = dict[bytes, tuple[str, bytes]]


class Proxy:
    """``async with Proxy(broker) as proxy``. The attributes may change at any time; packets are seen one by one."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._serving: set[asyncio.Task[None]] = set()
        self._port = 0
        self.connections = 0
        self.confirmed: list[tuple[str, bytes]] = []
        """Topic and payload of what the broker has confirmed, in the order in which it did."""
        self.drops_after_confirming = ""
        """A topic: after each PUBACK for it the connection is closed."""
        self.max_packet = 0
        """Bytes; a larger one closes the connection. 0: no limit."""
        self.swallows = ""
        """A topic: what is published there is accepted, and never confirmed."""

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self._port}"

    async def __aenter__(self) -> "Proxy":
        await self.come_up()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.go_down()

    async def come_up(self) -> None:
        """Listen again, where it did before."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def go_down(self) -> None:
        """Nobody listens, and all connections end."""
        self._server.close()
        for serving in tuple(self._serving):
            serving.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A task of our own: asyncio logs the end of its own ones as errors."""
        serving = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            back, there = await asyncio.open_connection("127.0.0.1", self._broker.port)
        except OSError:  # it is down
            writer.close()
            return
        awaited: _Awaited = {}
        ways = [
            asyncio.create_task(self._there(reader, there, awaited)),
            asyncio.create_task(self._back(back, writer, awaited)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (writer, there):
                end.close()
                with suppress(OSError, asyncio.CancelledError):
                    await end.wait_closed()

    async def _there(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, awaited: _Awaited) -> None:
        while packet := await _packet(reader):
            is_publish = packet[0] >> 4 == _PUBLISH
            if is_publish and self.max_packet and len(packet) > self.max_packet:
                return
            if is_publish:
                topic, number, payload = _published(packet)
                if topic == self.swallows:
                    continue
                awaited[number] = topic, payload
            writer.write(packet)

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, awaited: _Awaited) -> None:
        while packet := await _packet(reader):
            writer.write(packet)
            if packet[0] >> 4 == _PUBACK:
                self.confirmed.append(awaited.pop(packet[2:4]))
                if self.confirmed[-1][0] == self.drops_after_confirming:
                    await writer.drain()
                    return


def _published(packet: bytes) -> tuple[str, bytes, bytes]:
    """Topic, packet identifier (none with QoS 0) and payload."""
    start = 1 + next(place for place, digit in enumerate(packet[1:5], start=1) if digit < 128)
    length = int.from_bytes(packet[start : start + 2])
    end = start + 2 + length
    number = packet[end : end + 2] if packet[0] & 6 else b""
    return packet[start + 2 : end].decode(), number, packet[end + len(number) :]


async def _packet(reader: asyncio.StreamReader) -> bytes:
    """One MQTT control packet, or nothing at the end."""
    head = await reader.read(1)
    if not head:
        return b""
    length, shift = 0, 0
    while True:
        digit = await reader.readexactly(1)
        head += digit
        length |= (digit[0] & 127) << shift
        shift += 7
        if digit[0] < 128:
            return head + await reader.readexactly(length)
