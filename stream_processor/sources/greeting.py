"""What a server says to an encoder until it publishes: just enough RTMP to hear which key it has, before anybody works for it.

    encoder   C0 C1 ▸       ▸ C2 connect ▸          ▸ createStream ▸            ▸ publish KEY ▸        ▸ pictures, sound …
    here            S0 S1 S2              "success"                "stream 1"                  (its turn) "start"

RTMP 1.0 (specification of 2012, sections 5.2 to 5.4, 7.1 and 7.2).
"""

import struct

from stream_processor.sources.publish_check import HELLO_BYTES, Command, PublishCheck

_SIZE = 1536
_STREAM = 1
_WINDOW_BYTES = 2_500_000
"""After how many bytes the encoder may expect to hear that they came; none that is known waits for it."""
_CONTROL_CHUNKS, _COMMAND_CHUNKS, _STATUS_CHUNKS = 2, 3, 5
_USER_CONTROL, _WINDOW, _BANDWIDTH, _COMMAND = 4, 5, 6, 20
_CHUNK_BYTES = 128


class Greeting:
    """``feed`` it what comes from one encoder; ``said`` is all of that, for whoever is to serve it."""

    def __init__(self, path: str) -> None:
        self.said = b""
        self._check = PublishCheck(path)
        self._is_greeted = False

    @property
    def is_accepted(self) -> bool:
        """It has the key, and waits for ``WELCOME``."""
        return self._check.is_accepted

    def feed(self, data: bytes) -> bytes:
        """What to answer. SourceError: this is not the encoder we listen for."""
        self.said += data
        commands = self._check.feed(data)
        answer = b""
        if not self._is_greeted and len(self.said) >= HELLO_BYTES:
            self._is_greeted = True
            answer += b"\x03" + bytes(_SIZE) + self.said[1:HELLO_BYTES]
        return answer + b"".join(_answer(command) for command in commands)


def _answer(command: Command) -> bytes:
    """Nothing to those that no encoder waits for the answer of."""
    if command.name == "connect":
        limits = _message(_CONTROL_CHUNKS, _WINDOW, struct.pack(">I", _WINDOW_BYTES))
        limits += _message(_CONTROL_CHUNKS, _BANDWIDTH, struct.pack(">IB", _WINDOW_BYTES, 2))
        properties = _object(fmsVer="FMS/3,0,1,123", capabilities=31.0)
        status = _object(level="status", code="NetConnection.Connect.Success", description="Welcome.", objectEncoding=0.0)
        return limits + _result(command, properties + status)
    if command.name == "createStream":
        return _result(command, b"\x05" + _number(_STREAM))
    return b""


def _result(command: Command, values: bytes) -> bytes:
    return _message(_COMMAND_CHUNKS, _COMMAND, _string("_result") + _number(command.number) + values)


def _message(chunks: int, type: int, payload: bytes, stream: int = 0) -> bytes:
    header = bytes([chunks]) + bytes(3) + len(payload).to_bytes(3, "big") + bytes([type]) + stream.to_bytes(4, "little")
    pieces = [payload[start : start + _CHUNK_BYTES] for start in range(0, len(payload), _CHUNK_BYTES)]
    return header + bytes([0xC0 | chunks]).join(pieces)


def _string(text: str) -> bytes:
    return b"\x02" + struct.pack(">H", len(text)) + text.encode("ascii")


def _number(value: float) -> bytes:
    return b"\x00" + struct.pack(">d", value)


def _object(**properties: str | float) -> bytes:
    made = b"\x03"
    for name, value in properties.items():
        made += struct.pack(">H", len(name)) + name.encode("ascii")
        made += _string(value) if isinstance(value, str) else _number(value)
    return made + b"\x00\x00\x09"


WELCOME = _message(_CONTROL_CHUNKS, _USER_CONTROL, struct.pack(">HI", 0, _STREAM)) + _message(
    _STATUS_CHUNKS,
    _COMMAND,
    _string("onStatus")
    + _number(0)
    + b"\x05"
    + _object(level="status", code="NetStream.Publish.Start", description="It is your turn."),
    _STREAM,
)
"""The answer to ``publish``: go ahead."""
