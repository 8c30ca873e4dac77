"""How much memory a network takes on its device, worked out before it is put there."""

from dataclasses import dataclass
from typing import Any

MB = 1e6
_WIDEST = 16 / 9
"""Of pictures, in their height: what is wider takes more while it is prepared."""


@dataclass(frozen=True)
class Footprint:
    """``weights_mb`` once, and ``picture_mb`` for each picture of a batch, rather too much than too little.

    What PyTorch and CUDA themselves take is not in it: some 500 MB of video memory for a CUDA context and its libraries.
    """

    weights_mb: float
    picture_mb: float

    def mb(self, pictures: int) -> float:
        """For a batch of so many pictures."""
        return self.weights_mb + pictures * self.picture_mb

    def most_pictures(self, max_mb: float) -> int:
        """How many may be in one batch within ``max_mb``; 0: there is not even room for one."""
        return max(0, int((max_mb - self.weights_mb) / self.picture_mb))


def footprint(network: Any, *, picture: tuple[int, int], activations: int, itemsize: int) -> Footprint:
    """``activations``: see ``count_activations``; ``itemsize`` in bytes; ``picture``: (height, width) that the network takes.

    Beside its largest layer's input and output as much again is alive: what the layer needs itself, and what goes around it.
    Preparing takes three float32 copies of the picture before it is cropped.
    """
    held = [*network.parameters(), *network.buffers()]
    height, width = picture
    preparing = 3 * 4 * 3 * height * max(width, height * _WIDEST) + 3 * height * width * itemsize
    return Footprint(
        weights_mb=sum(tensor.numel() * tensor.element_size() for tensor in held) / MB,
        picture_mb=(2 * activations * itemsize + preparing) / MB,
    )


def count_activations(network: Any, inputs: Any) -> int:
    """The most numbers that go into and come out of one layer, when ``inputs`` (1, 3, height, width) are run through once."""
    counts: list[int] = [inputs.numel()]

    def count(_module: Any, args: Any, output: Any) -> None:
        counts.append(_numel(args[:1]) + _numel(output))

    leaves = [module for module in network.modules() if not list(module.children())]
    hooks = [module.register_forward_hook(count) for module in leaves]
    try:
        network(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return max(counts)


def _numel(value: Any) -> int:
    if isinstance(value, tuple | list):
        return sum(map(_numel, value))
    return int(value.numel()) if hasattr(value, "numel") else 0
