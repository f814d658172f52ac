"""A picture to [3, 224, 224] f32: Pillow, torchvision, transformers, hf-processors-rs.

job: {"input": picture.npy [H, W, 3] u8, decoded, or for *_jpeg the file; "threads": N}
"""

import io
from pathlib import Path

import numpy as np

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
CONFIG = {  # openai/clip-vit-base-patch32, preprocessor_config.json
    "image_processor_type": "CLIPImageProcessor",
    "do_resize": True,
    "size": {"shortest_edge": 224},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 224, "width": 224},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": list(MEAN),
    "image_std": list(STD),
    "do_convert_rgb": True,
}


def _threads(job: dict) -> None:
    import torch

    torch.set_num_threads(job["threads"])


def _picture(job: dict):
    from PIL import Image

    return Image.fromarray(np.load(job["input"]))


def open_clip_transform():
    """Pillow's resize, torchvision's to_tensor and normalize."""
    from open_clip.transform import image_transform

    return image_transform(224, is_train=False, mean=MEAN, std=STD)


def pillow(job: dict):
    _threads(job)
    picture = _picture(job)
    transform = open_clip_transform()
    return lambda: transform(picture), lambda pixels: pixels.numpy()


def pillow_jpeg(job: dict):
    from PIL import Image

    _threads(job)
    file = Path(job["input"]).read_bytes()
    transform = open_clip_transform()
    return lambda: transform(Image.open(io.BytesIO(file))), lambda pixels: pixels.numpy()


def _torchvision_transform():
    """The v2 transforms on a u8 tensor, antialiased, as its documentation recommends for speed."""
    import torch
    from torchvision.transforms import v2

    return v2.Compose(
        [
            v2.Resize(224, v2.InterpolationMode.BICUBIC, antialias=True),
            v2.CenterCrop(224),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )


def torchvision(job: dict):
    import torch

    _threads(job)
    picture = torch.from_numpy(np.load(job["input"])).permute(2, 0, 1).contiguous()
    transform = _torchvision_transform()
    return lambda: transform(picture), lambda pixels: pixels.numpy()


def torchvision_jpeg(job: dict):
    import torch
    from torchvision.io import decode_jpeg

    _threads(job)
    file = torch.frombuffer(bytearray(Path(job["input"]).read_bytes()), dtype=torch.uint8)
    transform = _torchvision_transform()
    return lambda: transform(decode_jpeg(file)), lambda pixels: pixels.numpy()


def _transformers(job: dict, name: str):
    import transformers

    _threads(job)
    picture = _picture(job)
    config = {k: v for k, v in CONFIG.items() if k != "image_processor_type"}
    processor = getattr(transformers, name)(**config)
    call = lambda: processor(picture, return_tensors="pt")["pixel_values"]  # noqa: E731
    return call, lambda pixels: pixels.numpy()


def transformers(job: dict):
    return _transformers(job, "CLIPImageProcessor")


def transformers_pil(job: dict):
    return _transformers(job, "CLIPImageProcessorPil")


def _hf_processors_rs(job: dict, picture: np.ndarray | bytes, backend: str):
    from hf_processors_rs import AutoImageProcessor

    processor = AutoImageProcessor.from_dict(CONFIG, backend=backend)
    return lambda: processor(picture, num_threads=job["threads"]), np.asarray


def hf_processors_rs(job: dict):
    return _hf_processors_rs(job, np.load(job["input"]), "torchvision")


def hf_processors_rs_pil(job: dict):
    return _hf_processors_rs(job, np.load(job["input"]), "pil")


def hf_processors_rs_jpeg(job: dict):
    return _hf_processors_rs(job, Path(job["input"]).read_bytes(), "torchvision")


def hf_processors_rs_pil_jpeg(job: dict):
    return _hf_processors_rs(job, Path(job["input"]).read_bytes(), "pil")
