"""Which of LAION's aesthetic heads belongs to a CLIP model, and where its file is: named, kept from last time, or fetched."""

from pathlib import Path

from platformdirs import user_cache_path

from scorers import fetch
from scorers.weights import Weights
from stream_processor.errors import ScorerError

REPOSITORY = "https://github.com/LAION-AI/aesthetic-predictor/raw/main"
_PUBLISHED = {"ViT-B-32": "vit_b_32", "ViT-B-16": "vit_b_16", "ViT-L-14": "vit_l_14"}
_TRAINED_ON = "openai"


def kept_in() -> Path:
    """The folder of fetched heads. It may be deleted at any time."""
    return user_cache_path("clip-highlights", appauthor=False) / "aesthetics"


def file_name(weights: Weights) -> str:
    """Of LAION's head for these weights. ScorerError: there is none."""
    short = _PUBLISHED.get(weights.model.removesuffix("-quickgelu"))
    if short is None:
        raise ScorerError(f"LAION has no aesthetic head for {weights.model}, only for {', '.join(_PUBLISHED)}")
    if weights.checkpoint is None and weights.tag != _TRAINED_ON:
        raise ScorerError(f"LAION's aesthetic heads are for the weights {_TRAINED_ON!r} of {weights.model}, not {weights.tag!r}")
    return f"sa_0_4_{short}_linear.pth"


def find_head(named: Path | None, weights: Weights, *, fetch_seconds: float, repository: str = REPOSITORY) -> Path:
    """The head's file. A named one is taken for what it is said to be: whoever trained one of their own has it so.

    Where none is named, it is LAION's, for weights from a file too: whether they are those that it was trained on cannot be seen.
    ScorerError: no such file, LAION has none for these weights, or it cannot be fetched within ``fetch_seconds`` (0: never).
    """
    if named is not None:
        path = named.expanduser()
        if not path.is_file():
            raise ScorerError(f"aesthetics.head: {named} is no file")
        return path
    name = file_name(weights)
    path = kept_in() / name
    if path.is_file():
        return path
    what, hint = f"LAION's aesthetic head {name}", " (aesthetics.head may name its file)"
    if not fetch.is_allowed() or fetch_seconds == 0:
        raise ScorerError(f"{what} is not there, and fetching is switched off{hint}")
    failure = fetch.download_file(f"{repository}/{name}", path, fetch_seconds)
    if failure is not None:
        raise ScorerError(f"{what} cannot be fetched: {failure}{hint}")
    return path


def is_a_guess(weights: Weights) -> bool:
    """Whether it cannot be seen that these are the weights that LAION's heads were made for."""
    return weights.checkpoint is not None
