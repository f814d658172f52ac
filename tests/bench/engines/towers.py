"""Image and text towers: torch, TorchScript, ONNX Runtime, OpenVINO.

job: {"tower": "image" | "text", "artefacts": folder, "input": file.npy, "threads": N}
Of a classifier, "input" is a file of texts, and "every" of how many the peer takes one.
"""

import sys
from pathlib import Path

import numpy as np

EXPORTERS = Path(__file__).resolve().parents[3] / "models" / "export"


def _path(job: dict, end: str) -> str:
    return str(Path(job["artefacts"]) / f"{job['tower']}{end}")


def _input(job: dict, dtype=None):
    import torch

    torch.set_num_threads(job["threads"])
    x = torch.from_numpy(np.load(job["input"]))
    return x.to(dtype) if dtype and x.is_floating_point() else x


def _calling(function, x, context):
    def call():
        with context():
            return function(x)

    return call, lambda y: y.float().numpy()


def module(job: dict):
    import torch

    sys.path.insert(0, str(EXPORTERS))
    return torch.load(_path(job, ".pth"), weights_only=False)


def eager(job: dict):
    import torch

    return _calling(module(job), _input(job), torch.inference_mode)


def _compiled(job: dict, dtype):
    import torch
    import torch._inductor.config

    torch._inductor.config.freezing = True  # weights become constants: folded and packed
    torch._dynamo.reset()
    compiled_module = torch.compile(module(job).to(dtype), dynamic=False)
    return _calling(compiled_module, _input(job, dtype), torch.no_grad)  # what freezing asks for


def compiled(job: dict):
    import torch

    return _compiled(job, torch.float32)


def compiled_bf16(job: dict):
    import torch

    return _compiled(job, torch.bfloat16)


def torchscript(job: dict):
    import torch

    file = Path(job["artefacts"]) / "model.glint" / "towers" / f"{job['tower']}.pt"
    frozen = torch.jit.freeze(torch.jit.load(str(file)).eval())
    return _calling(frozen, _input(job), torch.inference_mode)


def _session(job: dict, end: str):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job["threads"]
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(
        _path(job, end), options, providers=["CPUExecutionProvider"]
    )


def _onnxruntime(job: dict, end: str):
    session = _session(job, end)
    feed = {session.get_inputs()[0].name: np.load(job["input"])}
    return lambda: session.run(None, feed)[0], np.asarray


def onnxruntime_f32(job: dict):
    return _onnxruntime(job, ".onnx")


def onnxruntime_int8(job: dict):
    return _onnxruntime(job, ".int8.onnx")


def onnxruntime_padded(job: dict):
    """One of every N texts, filled up to 77 ids and 32 at a time, as users of CLIP do it."""
    from open_clip.tokenizer import SimpleTokenizer

    session = _session(job, ".onnx")
    ids = SimpleTokenizer()(Path(job["input"]).read_text().splitlines()[:: job["every"]]).numpy()
    name = session.get_inputs()[0].name

    def call():
        parts = [session.run(None, {name: ids[i : i + 32]})[0] for i in range(0, len(ids), 32)]
        return np.concatenate(parts)

    return call, np.asarray


def _openvino(job: dict, end: str, precision: str):
    import openvino

    x = np.load(job["input"])
    core = openvino.Core()
    model = core.read_model(_path(job, end))
    model.reshape(list(x.shape))  # the faster of static and dynamic shapes
    compiled_model = core.compile_model(
        model,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": job["threads"],
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
        },
    )
    request = compiled_model.create_infer_request()
    tensor = openvino.Tensor(x)

    def call():
        request.infer([tensor])
        return request.get_output_tensor(0).data

    return call, np.asarray


def openvino_f32(job: dict):
    return _openvino(job, ".onnx", "f32")


def openvino_bf16(job: dict):
    return _openvino(job, ".onnx", "bf16")


def openvino_int8(job: dict):
    return _openvino(job, ".int8.xml", "f32")
