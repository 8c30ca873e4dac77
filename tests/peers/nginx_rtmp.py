"""A real RTMP server on loopback: Debian's nginx with its RTMP module."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MODULE = "/usr/lib/nginx/modules/ngx_rtmp_module.so"
_START_SECONDS = 10.0
_LOOK_SECONDS = 0.02
_CONFIGURATION = """
load_module {module};
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ }}
rtmp {{
    server {{
        listen 127.0.0.1:{port};
        out_queue 16384;  # a whole file published at once must fit
        application live {{ live on; }}
    }}
}}
"""


class NginxRtmp:
    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self._log = log

    def url(self, key: str, app: str = "live") -> str:
        return f"rtmp://127.0.0.1:{self.port}/{app}/{key}"

    def await_log(self, words: str, times: int = 1, timeout_seconds: float = _START_SECONDS) -> None:
        """Wait until nginx has logged the words so many times."""
        deadline = time.monotonic() + timeout_seconds
        while not self._log.exists() or self._log.read_text().count(words) < times:
            if time.monotonic() > deadline:
                raise TimeoutError(f"nginx did not log {words!r} {times} times")
            time.sleep(_LOOK_SECONDS)


@contextmanager
def nginx_rtmp(program: Path, folder: Path, port: int | None = None) -> Iterator[NginxRtmp]:
    """On a free port; or on ``port``, where another one was before."""
    if port is None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(module=MODULE, folder=folder, port=port))
    command = [str(program), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(configuration)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _await_port(port)
            yield NginxRtmp(port, folder / "error.log")
        finally:
            process.terminate()


def _await_port(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_SECONDS)
        else:
            return
