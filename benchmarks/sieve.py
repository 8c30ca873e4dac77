"""Cheaper signals than pictures, and cheaper pictures: the codec's vectors, packet sizes, and ways to scale down."""

from benchmarks import conversion, packet_sizes, vectors
from benchmarks.report import Report, RunSettings, Skipped
from benchmarks.streams import MEDIA


def run(settings: RunSettings) -> Report:
    if not MEDIA.is_dir():
        raise Skipped(f"the test media are not in {MEDIA.name}/, beside the repository")
    settings.say("scaling down")
    tables = conversion.tables(MEDIA, quick=settings.quick)
    settings.say("packet sizes")
    tables += packet_sizes.tables(MEDIA, quick=settings.quick)
    settings.say("motion vectors")
    tables += vectors.tables(MEDIA, quick=settings.quick)
    return Report(
        "sieve: what could be had without decoding, or with less scaling",
        tables,
        [
            "Visual saliency: the project's own, of motion and novelty (light) alone, each window against those before it.",
            "A highlight counts as kept if a window that is decoded touches it; what is detected is the project's own detection.",
            "Conversions take frames that are decoded already. Luma alone is enough for flow; novelty needs all three planes.",
            "swscale's gray stretches luma to the full range, hence its distance from the average.",
            "A file of half a minute has too little history for its saliency to mean much: the long ones are what to look at.",
        ],
    )
