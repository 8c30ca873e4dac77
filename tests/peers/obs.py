"""The real OBS, without a screen: under Xvfb with software OpenGL, told what to do through its WebSocket (protocol 5)."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import websocket

_START_SECONDS = 25.0
_LOOK_SECONDS = 0.1
_NOT_READY = 207
_PROFILE = """[General]
Name=Test
[Video]
BaseCX=320
BaseCY=180
OutputCX=320
OutputCY=180
FPSType=0
FPSCommon=10
[Output]
Mode=Simple
[SimpleOutput]
VBitrate=300
StreamEncoder=x264
UseAdvanced=true
Preset=ultrafast
"""
_GLOBAL = """[General]
FirstRun=true
Pre19Defaults=false
EnableAutoUpdates=false
[Basic]
Profile=Test
ProfileDir=Test
SceneCollection=Test
SceneCollectionFile=Test
[OBSWebSocket]
FirstLoad=false
ServerEnabled=true
ServerPort={port}
AlertsEnabled=false
AuthRequired=false
"""


class Obs:
    """``start_stream`` and ``stop_stream`` of a running OBS."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        self._socket = socket
        self._requests = 0
        self._await(0)
        self._send(1, {"rpcVersion": 1, "eventSubscriptions": 0})
        self._await(2)

    def start_stream(self) -> None:
        self._ask("StartStream")

    def stop_stream(self) -> None:
        self._ask("StopStream")
        while self._ask("GetStreamStatus")["outputActive"]:
            time.sleep(_LOOK_SECONDS)

    def _ask(self, request: str) -> dict[str, Any]:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            self._requests += 1
            self._send(6, {"requestType": request, "requestId": str(self._requests)})
            answer = self._await(7)
            status = answer["requestStatus"]
            if status["result"]:
                return dict(answer.get("responseData") or {})
            if status["code"] != _NOT_READY or time.monotonic() > deadline:
                raise RuntimeError(f"OBS refused {request}: {status}")
            time.sleep(_LOOK_SECONDS)

    def _send(self, op: int, data: dict[str, Any]) -> None:
        self._socket.send(json.dumps({"op": op, "d": data}))

    def _await(self, op: int) -> dict[str, Any]:
        while (message := json.loads(self._socket.recv()))["op"] != op:
            pass
        return dict(message["d"])


@contextmanager
def obs_streaming_to(server: str, key: str, *, obs: Path, xvfb: Path, home: Path, websocket_port: int) -> Iterator[Obs]:
    """OBS, set up to stream to a custom server, its default scene on the programme."""
    _configure(home, server, key, websocket_port)
    with _screen(xvfb) as display:
        surroundings = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_RUNTIME_DIR": str(home),
            "DISPLAY": display,
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "QT_QPA_PLATFORM": "xcb",
            "LC_ALL": "C.UTF-8",
        }
        command = [str(obs), "--multi", "--disable-updater", "--minimize-to-tray"]
        with subprocess.Popen(command, env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                socket = _connect(websocket_port)
                try:
                    yield Obs(socket)
                finally:
                    socket.close()
            finally:
                process.kill()  # asked politely, it would ask back in a window


def _configure(home: Path, server: str, key: str, websocket_port: int) -> None:
    studio = home / ".config" / "obs-studio"
    profile = studio / "basic" / "profiles" / "Test"
    profile.mkdir(parents=True)
    (studio / "global.ini").write_text(_GLOBAL.format(port=websocket_port))
    (profile / "basic.ini").write_text(_PROFILE)
    service = {"type": "rtmp_custom", "settings": {"server": server, "key": key, "use_auth": False}}
    (profile / "service.json").write_text(json.dumps(service))
    plugin = studio / "plugin_config" / "obs-websocket"  # where OBS 30 and later look
    plugin.mkdir(parents=True)
    settings = {"first_load": False, "server_enabled": True, "server_port": websocket_port, "auth_required": False}
    (plugin / "config.json").write_text(json.dumps({**settings, "alerts_enabled": False}))


@contextmanager
def _screen(xvfb: Path) -> Iterator[str]:
    reading, writing = os.pipe()
    command = [str(xvfb), "-displayfd", str(writing), "-screen", "0", "1024x768x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            os.close(writing)
            with os.fdopen(reading) as told:
                yield f":{told.readline().strip()}"
        finally:
            process.terminate()


def _connect(port: int) -> websocket.WebSocket:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            return websocket.create_connection(
                f"ws://127.0.0.1:{port}", subprotocols=["obswebsocket.json"], timeout=_START_SECONDS
            )
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_SECONDS)
