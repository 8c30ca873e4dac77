"""How near the picture comes to another one, or to a clip, that is shown as an example."""

from collections.abc import Sequence

import numpy as np

from scorers.heads import Nearest
from scorers.shared_embedding import Describer
from stream_processor.records import Pane


def likeness_head(describer: Describer, examples: Sequence[Pane]) -> Nearest:
    """Cosine with whichever of the examples' frames is nearest, as ``describer`` sees them: 1 the same, 0 unrelated.

    By CLIP it is about what is shown, by the light descriptor about where which colours and edges are. There is a frame.
    """
    vectors = [one[1] for one in describer.describe(examples) if one is not None]
    return Nearest(np.concatenate(vectors).astype(np.float64))
