"""Reads over an encoder's shoulder: is it publishing under the app and key that we listen for?

FFmpeg's listen mode takes any key with a mere log line, and one connection at a time, so the bytes are looked at before FFmpeg
gets them. Only as much of RTMP 1.0 (handshake, chunks, AMF0 commands; specification of 2012, sections 5.2, 5.3 and 7.2) as it
takes to see ``publish``.
"""

import hmac
import struct
from dataclasses import dataclass
from typing import NamedTuple

from stream_processor.errors import SourceError

HELLO_BYTES = 1 + 1536
"""With so many an encoder begins, and waits for an answer."""
_HANDSHAKE_BYTES = HELLO_BYTES + 1536
_MOST_BYTES = 65536
"""No encoder says more than this before it publishes."""
_HEADER_BYTES = (11, 7, 3, 0)
_SET_CHUNK_SIZE, _AMF3_COMMAND, _AMF0_COMMAND = 1, 17, 20


@dataclass
class _Message:
    """The message under way on one chunk stream, and the header that its next chunks leave out."""

    length: int = 0
    type: int = 0
    has_long_timestamp: bool = False
    payload: bytes = b""


class Command(NamedTuple):
    name: str
    number: float
    """By which the encoder knows the answer."""


class _Chunk(NamedTuple):
    stream: int
    header: bytes
    kind: int
    start: int
    """Where its payload begins."""


class PublishCheck:
    """``feed`` it all that comes from one encoder, in pieces of any size."""

    def __init__(self, path: str) -> None:
        """``path`` is app, slash and key, wherever an encoder splits it."""
        self._path = path
        self._app = ""
        self._unread = b""
        self._seen_bytes = 0
        self._in_handshake = True
        self._chunk_bytes = 128
        self._messages: dict[int, _Message] = {}
        self._commands: list[Command] = []
        self.is_accepted = False

    def feed(self, data: bytes) -> list[Command]:
        """The commands that are whole with this. SourceError: it is not the encoder we listen for.

        Once it is accepted, nothing more is looked at.
        """
        if self.is_accepted:
            return []
        self._seen_bytes += len(data)
        if self._seen_bytes > _MOST_BYTES:
            raise SourceError("it does not publish", reason="refused")
        self._unread += data
        if self._in_handshake:
            if self._unread[:1] not in (b"", b"\x03"):
                raise SourceError("it does not speak RTMP", reason="refused")
            if len(self._unread) < _HANDSHAKE_BYTES:
                return []
            self._unread = self._unread[_HANDSHAKE_BYTES:]
            self._in_handshake = False
        while not self.is_accepted and self._take_chunk():
            pass
        commands, self._commands = self._commands, []
        return commands

    def _take_chunk(self) -> bool:
        chunk = _chunk(self._unread, self._messages)
        if chunk is None:
            return False
        message = self._messages.setdefault(chunk.stream, _Message())
        length = int.from_bytes(chunk.header[3:6], "big") if chunk.kind < 2 else message.length
        piece = min(self._chunk_bytes, length - len(message.payload))
        if len(self._unread) < chunk.start + piece:
            return False
        if chunk.kind < 2:
            message.length, message.type = length, chunk.header[6]
        if chunk.kind < 3:
            message.has_long_timestamp = chunk.header[:3] == b"\xff\xff\xff"
        message.payload += self._unread[chunk.start : chunk.start + piece]
        self._unread = self._unread[chunk.start + piece :]
        if len(message.payload) >= message.length:
            payload, message.payload = message.payload, b""
            self._take_message(message.type, payload)
        return True

    def _take_message(self, type: int, payload: bytes) -> None:
        if type == _SET_CHUNK_SIZE:
            self._chunk_bytes = max(1, int.from_bytes(payload[:4], "big") & 0x7FFFFFFF)
        elif type in (_AMF0_COMMAND, _AMF3_COMMAND):
            command = payload[1:] if type == _AMF3_COMMAND else payload
            name, rest = _string(command)
            self._commands.append(Command(name, _number(rest)))
            if name == "connect":
                # a property of the command object: its name, then a string
                self._app = _string(rest.partition(b"\x00\x03app")[2])[0]
            elif name == "publish":
                self._judge(_string(rest[10:])[0])  # after a number and a null

    def _judge(self, key: str) -> None:
        if not hmac.compare_digest(f"{self._app}/{key}".encode(), self._path.encode()):
            raise SourceError("wrong app or stream key", reason="refused")
        self.is_accepted = True


def _chunk(data: bytes, messages: dict[int, _Message]) -> _Chunk | None:
    """The chunk at the beginning of ``data``; None as long as its header is not all there."""
    kind, stream = (data[0] >> 6, data[0] & 63) if data else (0, 0)
    start = 1
    if stream < 2:  # the number itself follows
        start = 2 + stream
        stream = 64 + int.from_bytes(data[1:start], "little")
    if len(data) < start:
        return None
    header = data[start : start + _HEADER_BYTES[kind]]
    if len(header) < _HEADER_BYTES[kind]:
        return None
    start += len(header)
    message = messages.get(stream)
    is_long = header[:3] == b"\xff\xff\xff" if header else message is not None and message.has_long_timestamp
    return _Chunk(stream, header, kind, start + 4 if is_long else start)


def _number(amf: bytes) -> float:
    """The AMF0 number at the beginning; 0 where there is none."""
    return float(struct.unpack(">d", amf[1:9])[0]) if amf[:1] == b"\x00" and len(amf) >= 9 else 0.0


def _string(amf: bytes) -> tuple[str, bytes]:
    """The AMF0 string at the beginning, and what follows it; empty where there is none."""
    if amf[:1] != b"\x02":
        return "", amf
    end = 3 + int.from_bytes(amf[1:3], "big")
    return amf[3:end].decode("utf-8", "replace"), amf[end:]
