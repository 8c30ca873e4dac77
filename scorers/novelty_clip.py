"""How much the picture differs from a second ago in what it shows, by CLIP embeddings."""

from collections.abc import Sequence

from scorers.delta import Recent, deltas
from scorers.embedding import Embedder
from stream_processor.records import Pane, Samples


class ClipNovelty:
    """1 − cos between a picture's CLIP embedding and the one nearest one second before it: 0 the same, 1 unrelated.

    A. Radford et al., "Learning transferable visual models from natural language supervision", ICML 2021, through
    open_clip. ``picture_size`` (pixels, shorter side) and ``picture_fps`` say which pictures it wants. All panes of a batch
    are embedded together; a value depends on the batch in its last bits only (about 1e-6).
    """

    signal = "novelty"
    keeps = "both"

    def __init__(self, embedder: Embedder, *, picture_fps: float) -> None:
        self.picture_size = embedder.picture_size
        self.picture_fps = picture_fps
        self.embedder = embedder

    def start(self) -> Recent:
        return Recent()

    def score(self, batch: Sequence[tuple[Recent, Pane]]) -> list[Samples]:
        pictures = [pane.pictures.rgb for _, pane in batch if pane.pictures is not None and len(pane.pictures.times)]
        embedded = iter(self.embedder.embed(pictures) if pictures else [])
        return [
            deltas(recent, pane.pictures.times.tolist(), list(next(embedded)))
            if pane.pictures is not None and len(pane.pictures.times)
            else Samples.none()
            for recent, pane in batch
        ]
