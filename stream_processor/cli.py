"""The command line. Nothing heavy is imported before it has been parsed, so that ``main --help`` comes at once.

Exit codes: 0 done, 1 error, 2 usage or settings, 130 interrupted. What a person can act on is one line on standard error.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from stream_processor.errors import ClipError, SettingsError
from stream_processor.redact import one_line

HELP = """Watch a live stream and cut its highlights out while it is live.

Each highlight becomes a clip in source quality with a picture and a JSON file beside it, under OUTPUT/CHANNEL, and an alert.

\b
What --stream takes:
  twitch.tv/NAME                     a Twitch channel, and whatever else streamlink knows
  https://HOST/PATH.m3u8             HLS, live or recorded
  rtmp://HOST/APP/KEY                pulled from a server
  listen:rtmp://0.0.0.0:1935/APP/KEY wait for OBS or another encoder to stream here: in OBS set
                                     Server to rtmp://THIS-MACHINE:1935/APP and Stream Key to KEY
                                     (with 127.0.0.1 instead of 0.0.0.0 only from this machine)
  evening.mp4                        a recording, any container that FFmpeg reads
  -                                  MPEG-TS, FLV, Matroska or fragmented MP4 on standard input
  demo                               a stream that the program makes itself, to see it work

\b
Examples:
  main --stream demo
  main --stream twitch.tv/NAME --forever --output clips
  main --stream listen:rtmp://127.0.0.1:1935/live/obs --mqtt mqtt://homeassistant.local
  main --stream evening.mp4 --set peaks.clips_per_hour=6 --set clip.cut=exact
  main --stream twitch.tv/ONE --stream twitch.tv/TWO
  streamlink -O twitch.tv/NAME best | main --stream -

Settings: configs/default.toml names them all. --set wins over the environment (CLIP_HIGHLIGHTS_SECTION__KEY), that over
--config, that over the defaults. [[channel]] tables in --config name channels with settings of their own."""


BEST_HELP = """Choose the best moments of recordings and cut them out.

They are scored by how good they look (with CLIP), sharpness, exposure and, as asked for, prompts, motion, sound, faces or
likeness to a picture; [best_weights] in the settings says by how much. Clips, a contact sheet, a graph of the scores and lists
for editors (EDL, OpenTimelineIO, FCPXML, CSV, chapters) go to --output.

\b
Examples:
  main best evening.mp4 -k 3
  main best take1.mp4 take2.mp4 --prompt "people laughing" --prompt "end credits::-1"
  main best holiday.mp4 --like postcard.jpg --set best_weights.motion=0.3"""


class Pace(StrEnum):
    auto = "auto"
    live = "live"
    fast = "fast"


class Ui(StrEnum):
    auto = "auto"
    rich = "rich"
    plain = "plain"
    json = "json"


ConfigOption = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Settings, in TOML.", show_default=False)]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="One setting, any number of times.", show_default=False),
]
OutputOption = Annotated[Path | None, typer.Option(metavar="DIR", help="Where clips go. [default: clips]", show_default=False)]
MqttOption = Annotated[
    str | None, typer.Option(metavar="URL", help="Broker: mqtt[s]://[USER:PASSWORD@]HOST[:PORT].", show_default=False)
]
MetricsOption = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="Serve /metrics, /healthz, /readyz, e.g. on 127.0.0.1:9464.", show_default=False),
]
DeviceOption = Annotated[
    str | None, typer.Option(metavar="auto|cpu|cuda[:N]", help="What scores. [default: auto]", show_default=False)
]

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"clip-highlights {version('clip-highlights')}")
        raise typer.Exit


@app.callback(invoke_without_command=True, help=HELP)
def watch(
    context: typer.Context,
    stream: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="What to watch, see above; once for each channel.", show_default=False),
    ] = None,
    output: OutputOption = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    quality: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Streamlink's quality, e.g. best, 720p60. [default: best]", show_default=False),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a channel that is offline to go live.")] = False,
    forever: Annotated[bool, typer.Option("--forever", help="Wait again after each stream's end.")] = False,
    mqtt: MqttOption = None,
    metrics: MetricsOption = None,
    device: DeviceOption = None,
    threads: Annotated[
        int | None,
        typer.Option(metavar="N", help="Threads that decode, and that score. [default: one per core]", show_default=False),
    ] = None,
    low_priority: Annotated[bool, typer.Option("--low-priority", help="Leave OBS and games beside it the first turn.")] = False,
    pace: Annotated[
        Pace, typer.Option(help="live plays a recording at 1x, fast as fast as it goes; auto: fast for recordings.")
    ] = Pace.auto,
    duration: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0.0, help="Stop after so much of the stream.", show_default=False)
    ] = None,
    ui: Annotated[Ui, typer.Option(help="auto: a dashboard (rich) on a terminal, log lines (plain) elsewhere.")] = Ui.auto,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")] = False,
) -> None:
    if context.invoked_subcommand is not None:
        _refuse_root_options(context)
        return
    if not stream and config is None:
        context.fail(_NOTHING_TO_WATCH)
    flags = _flags(
        {
            "output.folder": output,
            "streamlink.quality": quality,
            "mqtt.url": mqtt,
            "metrics.listen": metrics,
            "device.kind": device,
            "process.threads": threads,
            "process.priority": "low" if low_priority else None,
        }
    )
    with _one_line_errors():
        from stream_processor.configuring.channel_list import load_channels
        from stream_processor.configuring.options import Options

        settings, channels = load_channels(stream or (), config, set_ or (), os.environ, flags)
        if not channels:
            context.fail(_NOTHING_TO_WATCH)
        options = Options(
            channels=channels,
            settings=settings,
            wait=wait,
            forever=forever,
            pace=pace.value,
            duration_seconds=duration,
            ui=ui.value,
        )
        from stream_processor.app import watch as watch_channels

        code = watch_channels(options)
    raise typer.Exit(code)


@app.command(help="Say what is there and what is missing.")
def doctor(
    output: OutputOption = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    mqtt: MqttOption = None,
    metrics: MetricsOption = None,
    device: DeviceOption = None,
) -> None:
    with _one_line_errors():
        from stream_processor.commands.doctor import examine
        from stream_processor.configuring.channel_list import load_channels

        flags = _flags({"output.folder": output, "mqtt.url": mqtt, "metrics.listen": metrics, "device.kind": device})
        settings, channels = load_channels((), config, set_ or (), os.environ, flags)
        code = examine(settings, channels)
    raise typer.Exit(code)


@app.command(help=BEST_HELP)
def best(
    videos: Annotated[list[Path], typer.Argument(metavar="VIDEO…", help="Recordings; several are chosen from together.")],
    k: Annotated[int | None, typer.Option("-k", metavar="N", help="How many moments. [default: 5]", show_default=False)] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORDS[::WEIGHT]", help="What they should show, any number of times; needs CLIP.", show_default=False
        ),
    ] = None,
    like: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A picture or a clip to come close to.", show_default=False)
    ] = None,
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Where clips and all else go. [default: best]", show_default=False)
    ] = Path("best"),
    config: ConfigOption = None,
    set_: SetOption = None,
    device: DeviceOption = None,
    threads: Annotated[
        int | None,
        typer.Option(metavar="N", help="Threads that decode, and that score. [default: one per core]", show_default=False),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Score anew, and keep nothing for the next run.")] = False,
) -> None:
    flags = _flags({"best.k": k, "device.kind": device, "process.threads": threads})
    with _one_line_errors():
        from stream_processor.configuring.configuration import load

        settings = load(config, set_ or (), os.environ, flags)
        from stream_processor.commands.best import Asked, choose

        asked = Asked(videos, output, settings, prompts=prompt or (), like=like, caches=not no_cache)
        code = choose(asked)
    raise typer.Exit(code)


@app.command(help="Decide a recorded run again, with other settings or the same.")
def replay(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A journal, its folder, or a CSV with time and score or signals.")],
    run: Annotated[str | None, typer.Option(metavar="ID", help="Which run. [default: the last]", show_default=False)] = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    with _one_line_errors():
        from stream_processor.commands.replay import show

        code = show(path, run_id=run, config=config, overrides=set_ or (), as_json=json)
    raise typer.Exit(code)


@app.command(help="Write one page about a run: its curve, its clips, what came near and why it was not taken.")
def report(
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="The folder that --output named, or a journal in it.")],
    run: Annotated[str | None, typer.Option(metavar="ID", help="Which run. [default: the last]", show_default=False)] = None,
    channel: Annotated[str | None, typer.Option(metavar="NAME", help="The last run of this channel.", show_default=False)] = None,
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="[default: OUTPUT/report.html]", show_default=False)] = None,
) -> None:
    with _one_line_errors():
        from stream_processor.commands.report import show

        code = show(output, run_id=run, channel=channel, to=to)
    raise typer.Exit(code)


def main() -> None:
    """The entry point: parse, run, exit."""
    app(prog_name="main")


_NOTHING_TO_WATCH = (
    "say what to watch, e.g. --stream demo or --stream twitch.tv/NAME (main --help lists all forms), "
    "or name channels as [[channel]] tables in --config FILE"
)

_FLAG_NAMES = {
    "output.folder": "--output",
    "streamlink.quality": "--quality",
    "mqtt.url": "--mqtt",
    "metrics.listen": "--metrics",
    "device.kind": "--device",
    "process.threads": "--threads",
    "best.k": "-k",
    "process.priority": "--low-priority",
}


def _flags(values: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """SECTION.KEY -> the option that says it and its value, for those that were given."""
    return {key: (_FLAG_NAMES[key], value) for key, value in values.items() if value is not None}


def _refuse_root_options(context: typer.Context) -> None:
    """``main --stream x doctor`` would silently forget the stream."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = "--" + name.rstrip("_")
            context.fail(f"{option} belongs to watching a stream: put options of {context.invoked_subcommand} after its name")


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except ClipError as error:
        print(f"error: {one_line(str(error))}", file=sys.stderr)
        raise typer.Exit(2 if isinstance(error, SettingsError) else 1) from error
