"""The preprocess of a folder of transformers, in the package's terms.

A value that the package format cannot say is refused; what an older file leaves out has
transformers' own default, because its processor class reads the file.
"""

from pathlib import Path
from typing import Any

from open_clip.transform import PreprocessCfg
from transformers import CLIPImageProcessorPil

from .errors import ExportError, reason
from .folders import read_json, require
from .preprocess import to_manifest

_INTERPOLATIONS = {2: "bilinear", 3: "bicubic"}  # PIL.Image.Resampling
_PROCESSORS = ("CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPFeatureExtractor")


def _processor_config(folder: Path) -> tuple[dict[str, Any], str]:
    """(configuration, where it is): a file of its own, or since transformers 5 part of another."""
    path = folder / "preprocessor_config.json"
    if path.is_file():
        return read_json(path), str(path)
    path = folder / "processor_config.json"
    if path.is_file():
        content = read_json(path).get("image_processor")
        require(isinstance(content, dict), "an object image_processor", "none", str(path))
        return content, f"image_processor of {path}"
    raise ExportError(
        f"expected preprocessor_config.json or processor_config.json in {folder}, got neither"
    )


def load_processor(folder: Path) -> tuple[CLIPImageProcessorPil, str]:
    """transformers' Pillow image processor of a folder, and where its configuration is."""
    content, where = _processor_config(folder)
    kind = content.get("image_processor_type", content.get("feature_extractor_type"))
    require(kind in _PROCESSORS, f"a processor of type {_PROCESSORS[0]}", repr(kind), where)
    try:
        return CLIPImageProcessorPil(**content), where
    except Exception as error:
        raise ExportError(
            f"expected a CLIPImageProcessor in {where}, got: {reason(error)}"
        ) from error


def _geometry(processor: CLIPImageProcessorPil, image_size: int, where: str) -> str:
    """open_clip's resize mode of a processor whose result has the tower's size."""
    size, crop = processor.size, processor.crop_size
    square = [image_size, image_size]
    if processor.do_center_crop:
        require([crop.height, crop.width] == square, f"crop_size {image_size}", crop, where)
    if size.shortest_edge:
        require(processor.do_center_crop is True, "do_center_crop true", "false", where)
        require(
            size.shortest_edge == image_size and not size.longest_edge,
            f"a size with shortest_edge {image_size}, the side of the tower,",
            size,
            where,
        )
    else:
        require([size.height, size.width] == square, f"size {image_size}", size, where)
    return "shortest" if size.shortest_edge else "squash"


def preprocess_of(folder: Path, image_size: int) -> dict[str, Any]:
    """The manifest's preprocess of a folder's image processor.

    It is the one of transformers' Pillow processor: RGB first with alpha on white, Pillow's resize, a
    crop that starts at the lower of two middle pixels, the values divided by 255.
    """
    processor, where = load_processor(folder)
    for switch in ("do_resize", "do_rescale", "do_normalize", "do_convert_rgb"):
        value = getattr(processor, switch)
        require(value is True, f"{switch} true", value, where)
    factor = processor.rescale_factor
    require(abs(factor * 255 - 1) < 1e-9, "rescale_factor 1/255", factor, where)
    require(
        int(processor.resample) in _INTERPOLATIONS,
        "resample 2 (bilinear) or 3 (bicubic)",
        processor.resample,
        where,
    )
    geometry = _geometry(processor, image_size, where)
    cfg = PreprocessCfg(
        size=image_size,
        mean=processor.image_mean,
        std=processor.image_std,
        interpolation=_INTERPOLATIONS[int(processor.resample)],
        resize_mode=geometry,
    )
    return to_manifest(cfg, hugging_face=True)
