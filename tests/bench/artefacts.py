"""Makes what the tower engines load, once: python artefacts.py FOLDER ARCH f32|f16

One random-weight model in every form:
  model.glint             the package, which glint and TorchScript run
  TOWER.pth               the canonical tower as a Python module, for torch and torch.compile
  TOWER.onnx              exported from it, any batch; texts of any length
  TOWER.int8.onnx         ONNX Runtime's dynamic quantisation of the linear layers
  TOWER.int8.xml          OpenVINO, NNCF's post-training quantisation for transformers
"""

import shutil
import sys
import tempfile
from pathlib import Path

import inputs
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "models" / "export"))

SEED = 0
CALIBRATION = 32  # inputs that NNCF sees
LENGTH = 10  # ids of a prompt


def _export_package(folder: Path, arch: str, storage: str):
    """Writes model.glint; returns the two canonical towers."""
    from glint_export import clip
    from glint_export.writer import write_package

    source = clip.load_source(arch, None, SEED)
    parts = clip.parts_of(source, "bench", storage, "Apache-2.0 (random weights, never trained)")
    write_package(folder / "model.glint", parts, False)
    return {"image": parts.image, "text": parts.text}


def _example(tower: str, batch: int) -> np.ndarray:
    return inputs.pixels(batch) if tower == "image" else inputs.ids(batch, LENGTH)


def _export_onnx(tower, name: str, path: Path) -> None:
    import torch

    axes = {0: torch.export.Dim("B")}
    if name == "text":
        axes[1] = torch.export.Dim("L", max=77)
    torch.onnx.export(
        tower,
        (torch.from_numpy(_example(name, 2)),),
        path,
        dynamo=True,
        dynamic_shapes=(axes,),
        input_names=["input"],
        external_data=False,
        verbose=False,
    )


def _quantise_onnx(source: Path, target: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = target.with_suffix(".prepared.onnx")
    quant_pre_process(source, prepared, skip_symbolic_shape=True)
    quantize_dynamic(
        prepared,
        target,
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=["MatMul", "Gemm"],
    )
    prepared.unlink()


def _quantise_openvino(source: Path, name: str, target: Path) -> None:
    import nncf
    import openvino

    samples = np.split(_example(name, CALIBRATION), CALIBRATION)
    model = nncf.quantize(
        openvino.Core().read_model(source),
        nncf.Dataset(samples),
        model_type=nncf.ModelType.TRANSFORMER,
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=CALIBRATION,
    )
    openvino.save_model(model, target, compress_to_fp16=False)


def _fill(folder: Path, arch: str, storage: str) -> None:
    import torch

    for name, tower in _export_package(folder, arch, storage).items():
        tower = tower.float().eval().requires_grad_(False)
        torch.save(tower, folder / f"{name}.pth")
        onnx = folder / f"{name}.onnx"
        _export_onnx(tower, name, onnx)
        _quantise_onnx(onnx, folder / f"{name}.int8.onnx")
        _quantise_openvino(onnx, name, folder / f"{name}.int8.xml")


def make(folder: Path, arch: str, storage: str) -> None:
    """The folder is there whole or not at all."""
    scratch = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        _fill(scratch, arch, storage)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    make(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
