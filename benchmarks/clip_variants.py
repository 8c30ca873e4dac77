"""One way to run CLIP's image tower, in a process of its own: ``python -m benchmarks.clip_variants NAME PICTURES.npy WEIGHTS``.

It says in a line of JSON what it took to make, or which package is missing, and then answers each line of JSON on its standard
input: ``{"threads": 2, "batch": 5}`` with the milliseconds of one pass, ``{"embed": "FILE.npy"}`` by writing embeddings there.
"""

import copy
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clip_weights import MODEL
from benchmarks.paired import sizes_mb

SIZE = 224
Run = Callable[[Any], Any]
"""float32 (n, 3, 224, 224) tensor to (n, 512), tensor or array. Called with PyTorch's number of threads set."""


def _in(arithmetic: str, *, channels_last: bool = True) -> Callable[[Any, Any], Run]:
    """As the program itself runs it."""

    def make(tower: Any, _pictures: Any) -> Run:
        import torch

        from scorers.arithmetic import converted, input_type

        layout = torch.channels_last if channels_last else torch.contiguous_format
        network, dtype = converted(tower, arithmetic).to(memory_format=layout), input_type(arithmetic)
        return lambda x: network(x.to(dtype, memory_format=layout))

    return make


def _autocast(tower: Any, _pictures: Any) -> Run:
    import torch

    def run(x: Any) -> Any:
        with torch.autocast("cpu", torch.bfloat16):
            return tower(x)

    return run


def _dynamic_int8(tower: Any, _pictures: Any) -> Run:
    import torch

    return torch.ao.quantization.quantize_dynamic(copy.deepcopy(tower), {torch.nn.Linear}, torch.qint8)  # type: ignore[no-any-return]


def _compiled(arithmetic: str) -> Callable[[Any, Any], Run]:
    def make(tower: Any, pictures: Any) -> Run:
        import torch

        from scorers.arithmetic import converted, input_type

        network, dtype = torch.compile(converted(tower, arithmetic), dynamic=False), input_type(arithmetic)
        for batch in (1, 5):
            network(pictures[:batch].to(dtype))
        return lambda x: network(x.to(dtype))

    return make


def _exported(tower: Any) -> Path:
    import torch

    path = Path(tempfile.mkdtemp()) / "tower.onnx"
    torch.backends.mha.set_fastpath_enabled(False)  # its fused attention is no operator of ONNX
    inputs = torch.zeros(2, 3, SIZE, SIZE)
    torch.onnx.export(
        tower, (inputs,), path, dynamo=False, input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}}
    )
    return path


def _onnxruntime(quantise: str = "") -> Callable[[Any, Any], Run]:
    def make(tower: Any, _pictures: Any) -> Run:
        import onnxruntime
        import torch

        path = _exported(tower)
        if quantise:
            from onnxruntime.quantization import QuantType, quantize_dynamic

            small = path.with_name("small.onnx")
            kinds = ["MatMul", "Gemm"]
            quantize_dynamic(path, small, per_channel=True, weight_type=QuantType.QInt8, op_types_to_quantize=kinds)
            path = small
        sessions: dict[int, Any] = {}

        def run(x: Any) -> Any:
            threads = torch.get_num_threads()
            if threads not in sessions:
                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = threads
                options.add_session_config_entry("session.intra_op.allow_spinning", "0")
                sessions[threads] = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            return sessions[threads].run(None, {"x": x.numpy()})[0]

        return run

    return make


def _openvino(precision: str, quantise: str = "") -> Callable[[Any, Any], Run]:
    def make(tower: Any, pictures: Any) -> Run:
        import openvino
        import torch

        torch.backends.mha.set_fastpath_enabled(False)
        model = openvino.convert_model(tower, example_input=torch.zeros(2, 3, SIZE, SIZE))
        model.reshape([-1, 3, SIZE, SIZE])
        if quantise == "calibrated":
            import nncf

            some = nncf.Dataset([picture[None].numpy() for picture in pictures[::4]])
            model = nncf.quantize(model, some, model_type=nncf.ModelType.TRANSFORMER)
        elif quantise == "dynamic":
            import nncf

            model = nncf.compress_weights(model)
        group = {"DYNAMIC_QUANTIZATION_GROUP_SIZE": 768} if quantise == "dynamic" else {}
        compiled: dict[int, Any] = {}

        def run(x: Any) -> Any:
            threads = torch.get_num_threads()
            if threads not in compiled:
                wishes = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}
                wishes |= {"INFERENCE_PRECISION_HINT": precision, **group}
                compiled[threads] = openvino.Core().compile_model(model, "CPU", wishes)
            return compiled[threads](x.numpy())[0].copy()

        return run

    return make


VARIANTS: dict[str, Callable[[Any, Any], Run]] = {
    "torch fp32": _in("fp32", channels_last=False),
    "torch fp32, threads spin": _in("fp32", channels_last=False),
    "torch fp32, channels-last": _in("fp32"),
    "torch bf16": _in("bf16"),
    "torch bf16, autocast": _autocast,
    "torch bf16, compiled": _compiled("bf16"),
    "int8 by rows (scorers/int8.py)": _in("int8"),
    "torch dynamic int8": _dynamic_int8,
    "ONNX Runtime fp32": _onnxruntime(),
    "ONNX Runtime dynamic int8": _onnxruntime("dynamic"),
    "OpenVINO fp32": _openvino("f32"),
    "OpenVINO bf16": _openvino("bf16"),
    "OpenVINO int8, calibrated": _openvino("f32", "calibrated"),
    "OpenVINO int8 weights, dynamic": _openvino("f32", "dynamic"),
}


def roughen(tower: Any) -> Any:
    """The same function with six channels in each layer norm thirty times as large, as trained towers have them.

    What follows the norm is divided by as much: in exact arithmetic nothing changes, while steps that are shared with such a
    channel become coarse.
    """
    import torch

    rough, chance = copy.deepcopy(tower), torch.Generator().manual_seed(3)
    for block in rough.transformer.resblocks:
        for norm, weight in ((block.ln_1, block.attn.in_proj_weight), (block.ln_2, block.mlp.c_fc.weight)):
            channels = torch.randperm(len(norm.weight), generator=chance)[:6]
            norm.weight[channels] *= 30
            norm.bias[channels] *= 30
            weight[:, channels] /= 30
    return rough


def main() -> None:
    name, pictures_path, weights_path = sys.argv[1:]
    import logging
    import warnings

    import open_clip
    import torch

    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    pictures = torch.from_numpy(np.load(pictures_path))
    tower = open_clip.create_model(MODEL, pretrained=weights_path).visual.eval().requires_grad_(False)
    with torch.inference_mode(mode="compiled" not in name), torch.no_grad():
        begun = time.perf_counter()
        try:
            run = VARIANTS[name](tower, pictures)
            run(pictures[:1])
        except ModuleNotFoundError as error:
            _say({"missing": error.name})
            return
        if name != "torch fp32":
            made_from, tower = tower, None  # what it was made from is not counted, unless it is held
            del made_from
        seconds = time.perf_counter() - begun
        sizes = sizes_mb("self")
        _say({"make_seconds": seconds, "rss_mb": sizes[1] if sizes else None})
        for line in sys.stdin:
            asked = json.loads(line)
            if "embed" in asked:
                if asked["rough"]:
                    smooth = open_clip.create_model(MODEL, pretrained=weights_path).visual.eval().requires_grad_(False)
                    run = VARIANTS[name](roughen(smooth), pictures)
                np.save(asked["embed"], np.concatenate([np.asarray(_float(run(part))) for part in pictures.split(5)]))
                _say({})
                continue
            torch.set_num_threads(asked["threads"])
            wall, cpu = time.perf_counter(), time.process_time()
            run(pictures[: asked["batch"]])
            _say({"wall_ms": (time.perf_counter() - wall) * 1000, "cpu_ms": (time.process_time() - cpu) * 1000})


def _float(output: Any) -> Any:
    return output.float() if hasattr(output, "float") else output


def _say(answer: dict[str, Any]) -> None:
    print("\n" + json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
