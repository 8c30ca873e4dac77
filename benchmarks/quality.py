"""Which normaliser, smoothing and percentile find highlights best, online beside offline: ``python -m benchmarks quality``."""

from collections.abc import Iterable, Sequence

from benchmarks.measure import Quality, quality
from benchmarks.methods import Method, offline, online
from benchmarks.report import Cell, Report, RunSettings, Skipped, Table
from benchmarks.streams import MEDIA, SYNTHETIC, Stream, calm_hour, flat, planted_dev, real, synthetic, varied
from stream_processor.settings import PeaksSettings, SaliencySettings

VARIED = range(100, 130)
"""Seeds; the defaults were chosen on others (0 to 19)."""
SYNTHETIC_SEEDS = range(10)
CALM_SEEDS = range(5)
RISES = {"robust_z": (0.35, 0.45, 0.55), "rank": (0.3, 0.5, 0.7), "raw": (0.02, 0.04, 0.08)}
"""Each normaliser has its own scale: the best of three is shown."""


def run(settings: RunSettings) -> Report:
    if not MEDIA.is_dir():
        raise Skipped("the test media are not there")
    seeds, synthetic_seeds = (VARIED[:4], SYNTHETIC_SEEDS[:2]) if settings.quick else (VARIED, SYNTHETIC_SEEDS)
    settings.say("quality: scores of the test media, made once")
    sets = {
        "planted_dev": [planted_dev()],
        f"varied ({len(seeds)})": [varied(seed) for seed in seeds],
        **{f"{kind} ({len(synthetic_seeds)})": [synthetic(seed, kind) for seed in synthetic_seeds] for kind in SYNTHETIC},
    }
    tables = [_defaults(sets), _calm(CALM_SEEDS[:1] if settings.quick else CALM_SEEDS)]
    if not settings.quick:
        settings.say("quality: normalisers, smoothing and percentiles")
        planted = [*sets["planted_dev"] * 10, *sets[f"varied ({len(seeds)})"][:10]]
        tables.append(_comparison(planted, [synthetic(9, kind) for kind in SYNTHETIC]))
    return Report("Quality: planted highlights found, and nothing where there is nothing", tables)


def _defaults(sets: dict[str, list[Stream]]) -> Table:
    rows: list[list[Cell]] = []
    for name, streams in sets.items():
        found, reference = _over(streams, online()), _over(streams, offline)
        delays = found.delays_seconds or (0.0,)
        of_clips = [found.longest_seconds, found.cover, found.total]
        rows.append([name, found.f1, reference.f1, *of_clips, sum(delays) / len(delays), max(delays)])
    columns = ["streams", "F1 online", "F1 offline", "longest, s", "cover", "total", "delay mean, s", "delay longest, s"]
    return Table("The defaults, online beside offline", columns, rows)


def _calm(seeds: Sequence[int]) -> Table:
    """Highlights where there should be few or none; and two where one signal alone must do."""
    unlimited = PeaksSettings(ordinary_per_hour=0)
    streams: list[tuple[str, Sequence[Stream]]] = [
        (f"calm hour, {kind} ({len(seeds)} seeds)", [calm_hour(seed, kind) for seed in seeds]) for kind in ("cut", "whole", "one")
    ]
    streams += [("black and silence, 363 s", [Stream(real("media3_black_363s_1080p.mp4"), [])])]
    streams += [(f"flat at {level}", [flat(level)]) for level in (0.0, 0.1)]
    methods = (online(), online(peaks=unlimited))
    rows: list[list[Cell]] = [[name, *(_counts(each, method) for method in methods)] for name, each in streams]
    no_warmup = online(peaks=PeaksSettings(warmup_seconds=0))
    for name, method in (("sintel_trailer_480p.mp4", no_warmup), ("autoeditor_example_42s.mp4", online())):
        spans = ", ".join(f"{start:.0f} to {end:.0f} s" for start, end in method(real(name)).highlights)
        rows.append([name, spans or "none", None])
    return Table("Where there is little or nothing", ["stream", "highlights", "without peaks.ordinary_per_hour"], rows)


def _counts(streams: Sequence[Stream], method: Method) -> str:
    return ", ".join(str(len(method(stream.panes).highlights)) for stream in streams)


def _comparison(planted: Sequence[Stream], made: Sequence[Stream]) -> Table:
    rows = [
        _best(kind, [PeaksSettings(smoothing=smoothing, percentile=percentile, min_rise=rise) for rise in rises], planted, made)
        for kind, rises in RISES.items()
        for smoothing in ("median", "gaussian", "none")
        for percentile in (85.0, 90.0)
    ]
    columns = ["normaliser", "smoothing", "percentile", "min_rise", "F1 planted and varied", "F1 synthetic", "cover", "total"]
    return Table("Other choices", columns, rows)


def _best(kind: str, choices: Iterable[PeaksSettings], planted: Sequence[Stream], made: Sequence[Stream]) -> list[Cell]:
    results = []
    for peaks in choices:
        method = online(SaliencySettings(kind=kind), peaks)
        results.append((_over(planted, method), _over(made, method), peaks))
    real_quality, made_quality, peaks = max(results, key=lambda result: result[0].f1 + result[1].f1)
    chosen: list[Cell] = [kind, peaks.smoothing, int(peaks.percentile), peaks.min_rise]
    return [*chosen, real_quality.f1, made_quality.f1, real_quality.cover, real_quality.total]


def _over(streams: Iterable[Stream], method: Method) -> Quality:
    return sum((quality(method(stream.panes), stream.planted) for stream in streams), Quality())
