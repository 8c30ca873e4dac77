"""Which normaliser, smoothing and percentile find highlights best, online beside offline: ``python -m benchmarks quality``."""

import sys
from collections.abc import Iterable, Sequence

from benchmarks.measure import Quality, quality
from benchmarks.methods import Method, offline, online
from benchmarks.streams import MEDIA, SYNTHETIC, Stream, calm_hour, flat, planted_dev, real, synthetic, varied
from stream_processor.settings import PeaksSettings, SaliencySettings

VARIED = range(100, 130)
"""Seeds; the defaults were chosen on others (0 to 19)."""
SYNTHETIC_SEEDS = range(10)
CALM_SEEDS = range(5)
RISES = {"robust_z": (0.35, 0.45, 0.55), "rank": (0.3, 0.5, 0.7), "raw": (0.02, 0.04, 0.08)}
"""Each normaliser has its own scale: the best of three is shown."""


def main() -> int:
    if not MEDIA.is_dir():
        print(f"the benchmark needs the test media in {MEDIA.name}/, beside the repository", file=sys.stderr)
        return 1
    sets = {
        "planted_dev": [planted_dev()],
        f"varied ({len(VARIED)})": [varied(seed) for seed in VARIED],
        **{f"{kind} ({len(SYNTHETIC_SEEDS)})": [synthetic(seed, kind) for seed in SYNTHETIC_SEEDS] for kind in SYNTHETIC},
    }
    _defaults(sets)
    _calm()
    _comparison([*sets["planted_dev"] * 10, *sets[f"varied ({len(VARIED)})"][:10]], [synthetic(9, kind) for kind in SYNTHETIC])
    return 0


def _defaults(sets: dict[str, list[Stream]]) -> None:
    print("| streams | F1 online | F1 offline | longest, s | cover | total | delay mean, s | delay longest, s |")
    print("|---|---|---|---|---|---|---|---|")
    for name, streams in sets.items():
        found, reference = _over(streams, online()), _over(streams, offline)
        delays = found.delays_seconds or (0.0,)
        print(
            f"| {name} | {found.f1:.2f} | {reference.f1:.2f} | {found.longest_seconds:.0f} | {found.cover:.2f} "
            f"| {found.total:.2f} | {sum(delays) / len(delays):.1f} | {max(delays):.1f} |"
        )


def _calm() -> None:
    """Highlights where there should be few or none; and two where one signal alone must do."""
    unlimited = PeaksSettings(ordinary_per_hour=0)
    print("\n| stream | highlights | without peaks.ordinary_per_hour |\n|---|---|---|")
    rows: list[tuple[str, Sequence[Stream]]] = [
        (f"calm hour, {kind} ({len(CALM_SEEDS)} seeds)", [calm_hour(seed, kind) for seed in CALM_SEEDS])
        for kind in ("cut", "whole", "one")
    ]
    rows += [("black and silence, 363 s", [Stream(real("media3_black_363s_1080p.mp4"), [])])]
    rows += [(f"flat at {level}", [flat(level)]) for level in (0.0, 0.1)]
    for name, streams in rows:
        columns = [
            ", ".join(str(len(method(stream.panes).highlights)) for stream in streams)
            for method in (online(), online(peaks=unlimited))
        ]
        print(f"| {name} | {columns[0]} | {columns[1]} |")
    no_warmup = online(peaks=PeaksSettings(warmup_seconds=0))
    for name, method in (("sintel_trailer_480p.mp4", no_warmup), ("autoeditor_example_42s.mp4", online())):
        spans = ", ".join(f"{start:.0f} to {end:.0f} s" for start, end in method(real(name)).highlights)
        print(f"| {name} | {spans or 'none'} | |")


def _comparison(planted: Sequence[Stream], made: Sequence[Stream]) -> None:
    print("\n| normaliser | smoothing | percentile | min_rise | F1 planted and varied | F1 synthetic | cover | total |")
    print("|---|---|---|---|---|---|---|---|")
    for kind, rises in RISES.items():
        for smoothing in ("median", "gaussian", "none"):
            for percentile in (85.0, 90.0):
                _best(
                    kind,
                    [PeaksSettings(smoothing=smoothing, percentile=percentile, min_rise=rise) for rise in rises],
                    planted,
                    made,
                )


def _best(kind: str, choices: Iterable[PeaksSettings], planted: Sequence[Stream], made: Sequence[Stream]) -> None:
    results = []
    for peaks in choices:
        method = online(SaliencySettings(kind=kind), peaks)
        results.append((_over(planted, method), _over(made, method), peaks))
    real_quality, made_quality, peaks = max(results, key=lambda result: result[0].f1 + result[1].f1)
    print(
        f"| {kind} | {peaks.smoothing} | {peaks.percentile:.0f} | {peaks.min_rise} | {real_quality.f1:.2f} "
        f"| {made_quality.f1:.2f} | {real_quality.cover:.2f} | {real_quality.total:.2f} |",
        flush=True,
    )


def _over(streams: Iterable[Stream], method: Method) -> Quality:
    return sum((quality(method(stream.panes), stream.planted) for stream in streams), Quality())


if __name__ == "__main__":
    sys.exit(main())
