"""What an operator needs around the program: room on the disk, a clock that is set, a broker that answers, a free port."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from stream_processor.commands.finding import Finding
from stream_processor.errors import ClipError, ListenError
from stream_processor.naming import JOURNAL
from stream_processor.operations import host_port
from stream_processor.operations.web import WebServer
from stream_processor.settings import Settings

_BROKER_SECONDS = 5.0
_MB = 1024 * 1024
_A_DAY = 86400.0


def output(settings: Settings) -> Iterator[Finding]:
    """Whether a file can really be written there, and how much room there is. Makes no folder."""
    folder = settings.output.folder.expanduser().absolute()
    there = next((path for path in (folder, *folder.parents) if path.exists()), Path(folder.anchor))
    problem = _why_not_writable(there)
    if problem:
        hint = "choose another folder: --output DIR"
        yield Finding("fail", f"output folder {folder}: {problem}", hint)
        return
    free_mb = shutil.disk_usage(there).free / _MB
    text = f"output folder {folder} is writable, {free_mb:,.0f} MB free"
    if free_mb < settings.output.min_free_mb:
        hint = f"no clip is written below output.min_free_mb = {settings.output.min_free_mb:g}: make room, or lower it"
        yield Finding("fail", text, hint)
    else:
        yield Finding("ok", text)


def _why_not_writable(folder: Path) -> str | None:
    if not folder.is_dir():
        return f"{folder} is not a folder"
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-"):
            return None
    except OSError as error:
        return error.strerror or str(error)


def clock(settings: Settings, now: float | None = None) -> Iterator[Finding]:
    """Whether it is later than what was made before: a machine without a battery for its clock begins in 1970, or years ago.

    Names of clips, their times and the age of alerts come from this clock; stalls and pauses do not. ``now``: UTC, seconds.
    """
    now = time.time() if now is None else now
    says = f"clock: {datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S} UTC"
    made = {"this program was installed": Path(__file__), "the journal was last written": settings.output.folder / JOURNAL}
    for what, path in made.items():
        try:
            made_at = path.stat().st_mtime
        except OSError:
            continue  # nothing was written yet
        if made_at > now + _A_DAY:
            text = f"{says}, but {what} at {datetime.fromtimestamp(made_at, UTC):%Y-%m-%d %H:%M:%S}"
            yield Finding("warn", text, "set the clock, or let it be set (timedatectl set-ntp true): clips are named by it")
            return
    yield Finding("ok", says)


def broker(settings: Settings) -> Iterator[Finding]:
    """Logs in for real. An unreachable broker is no failure: alerts wait in the outbox."""
    if settings.mqtt.url is None:
        yield Finding("ok", "no MQTT broker configured")
        return
    from sinks.mqtt_address import parse

    try:
        address = parse(settings.mqtt.url)
    except ClipError as error:
        yield Finding("fail", str(error), "for instance --mqtt mqtt://user:password@homeassistant.local:1883")
        return
    where = f"MQTT broker {address.host}:{address.port}"
    problem = asyncio.run(_why_not_reachable(settings.mqtt.url))
    if problem is None:
        yield Finding("ok", f"{where} is there and lets us in")
    else:
        yield Finding("warn", f"{where}: {problem}", "alerts will wait in the outbox until it answers")


async def _why_not_reachable(url: str) -> str | None:
    import ssl

    import aiomqtt

    from sinks.mqtt_address import parse

    address = parse(url)
    context = ssl.create_default_context() if address.is_encrypted else None
    try:
        async with aiomqtt.Client(
            address.host,
            address.port,
            username=address.user,
            password=address.password,
            tls_context=context,
            timeout=_BROKER_SECONDS,
        ):
            return None
    except aiomqtt.MqttError as error:
        return str(error)


def metrics(settings: Settings) -> Iterator[Finding]:
    """Whether the address for metrics and health can be had: by listening there for a moment."""
    if settings.metrics.listen is None:
        return
    address = host_port.parse(settings.metrics.listen)
    try:
        WebServer(address, {}).close()
    except ListenError as error:
        yield Finding("fail", str(error), "is the program running already? Else choose another: --metrics 127.0.0.1:PORT")
        return
    yield Finding("ok", f"metrics and health can be served on {address}")
