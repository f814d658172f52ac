"""Writes tests/golden/pixels/sweep: 500 random preprocesses for each mode and arithmetic.

  pillow-MODE.txt, torchvision.txt, torch.txt
                 width height target_width target_height letters fill crc
                 the f32 bytes [3, H, W]; the line number, from 1, is the picture's seed and chooses
                 its pattern; letters: pixel_cases.LETTERS in that order
  hugging.txt    the same of transformers' CLIPImageProcessor, and the number, which also chooses
                 the mode: BANDS[number % 6]
  planes.txt     seed planes height width new_height new_width align_corners crc
                 the f32 bytes of torch.nn.functional.interpolate

Where open_clip's image_transform can express a case, the result is asserted to be its own.
Run with the pinned Pillow, torch, torchvision, open_clip_torch and transformers on a CPU with AVX2.
"""

import pathlib

import numpy as np
import torch
import torchvision.transforms.v2.functional as F
from open_clip.transform import CenterCropOrPad, ResizeKeepRatio, image_transform
from PIL import Image
from torchvision.transforms import CenterCrop, InterpolationMode, Resize
from transformers.models.clip.image_processing_clip import CLIPImageProcessor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

import pixel_cases
from pixel_cases import BANDS, MEAN, STD, crc, cropped_or_padded, noise, normalized, sweep

OUT = pathlib.Path(__file__).parent / "pixels" / "sweep"
CASES = 500
PILLOW_MODES = {"bicubic": InterpolationMode.BICUBIC, "bilinear": InterpolationMode.BILINEAR,
                "nearest": InterpolationMode.NEAREST}
# Hugging Face's reading of Pillow's NEAREST.
TENSOR_MODES = PILLOW_MODES | {"nearest": InterpolationMode.NEAREST_EXACT}


def picture(mode, case):
    return pixel_cases.picture(mode, case.pattern, case.number, case.width, case.height)


def pillow(image, case):
    """open_clip's steps, with the choices that image_transform does not offer."""
    if case.rgb == "before":
        image = image.convert("RGB")
    size = case.target_height, case.target_width
    mode = PILLOW_MODES[case.interpolation]
    if case.geometry == "longest":
        steps = [ResizeKeepRatio(size, interpolation=mode, longest=1),
                 CenterCropOrPad(size, fill=case.fill)]
    elif case.geometry == "squash":
        steps = [Resize(size, interpolation=mode)]
    else:
        square = size[0] == size[1]
        steps = [Resize(size[0], interpolation=mode) if square else
                 ResizeKeepRatio(size, interpolation=mode)]
        if case.crop == "even":
            steps.append(CenterCrop(size))
    for step in steps:
        image = step(image)
    rgb = np.asarray(image.convert("RGB"))
    if case.crop == "down" and case.geometry == "shortest":
        rgb = cropped_or_padded(rgb, case.target_width, case.target_height, "down", 0)
    return normalized(rgb, case.rescale, case.channels)


def open_clip_pixels(image, case):
    """What open_clip itself gives, or None where it cannot be asked for this case."""
    square = case.target_height == case.target_width
    if (case.interpolation == "nearest" or case.rescale == "fused" or case.channels == "bgr"
            or (case.geometry == "shortest" and case.crop == "down")
            or (case.geometry == "shortest" and not square and case.interpolation != "bicubic")):
        return None
    if case.rgb == "before":
        image = image.convert("RGB")
    transform = image_transform(
        (case.target_height, case.target_width), is_train=False, mean=MEAN, std=STD,
        resize_mode=case.geometry, interpolation=case.interpolation, fill_color=case.fill)
    return transform(image).numpy()


def torchvision(image, case):
    tensor = F.pil_to_tensor(image.convert("RGB"))
    size = list(reversed(case.resized))
    mode = TENSOR_MODES[case.interpolation]
    out = F.resize(tensor, size, interpolation=mode, antialias=True)
    last = tensor.unsqueeze(0).to(memory_format=torch.channels_last).squeeze(0)
    assert torch.equal(F.resize(last, size, interpolation=mode, antialias=True), out)
    rgb = cropped_or_padded(
        out.permute(1, 2, 0).numpy(), case.target_width, case.target_height, case.crop, case.fill)
    return normalized(rgb, case.rescale, case.channels)


def torch_float(image, case):
    values = normalized(np.asarray(image.convert("RGB")), case.rescale, case.channels)
    fill = normalized(np.full((1, 1, 3), case.fill, np.uint8), case.rescale, case.channels)
    out = torch.nn.functional.interpolate(
        torch.from_numpy(values)[None], list(reversed(case.resized)), mode="bilinear",
        align_corners=case.align_corners)[0]
    out = cropped_or_padded(out.permute(1, 2, 0).numpy(), case.target_width, case.target_height,
                            case.crop, fill[:, 0, 0])
    return np.ascontiguousarray(out.transpose(2, 0, 1))


def hugging(image, case):
    """CLIPImageProcessor itself: torchvision's arithmetic fused, Pillow's with div255."""
    processor = CLIPImageProcessor if case.rescale == "fused" else CLIPImageProcessorPil
    size = {"shortest_edge": case.target_width}
    if case.geometry == "squash":
        size = {"height": case.target_height, "width": case.target_width}
    processor = processor(
        size=size, crop_size={"height": case.target_height, "width": case.target_width},
        resample=Image.Resampling[case.interpolation.upper()])
    return np.asarray(processor(image, return_tensors="np")["pixel_values"][0])


def write(name, cases, pixels_of):
    lines = [case.line(pixels_of(case)) for case in cases]
    (OUT / f"{name}.txt").write_text("".join(lines))


def write_pillow(mode):
    def pixels_of(case):
        image = picture(mode, case)
        pixels = pillow(image, case)
        own = open_clip_pixels(image, case)
        assert own is None or np.array_equal(own, pixels), (mode, case.number)
        return pixels

    write(f"pillow-{mode}", sweep(f"pillow-{mode}", CASES, align_corners=[False]), pixels_of)


def write_tensors():
    modes = list(BANDS)

    def mixed(reference):
        return lambda case: reference(picture("RGB", case), case)

    write("torchvision",
          sweep("torchvision", CASES, rgb=["before"], align_corners=[False]), mixed(torchvision))
    write("torch", sweep("torch", CASES, rgb=["before"], interpolation=["bilinear"]),
          mixed(torch_float))
    cases = sweep("hugging", 120, rgb=["before"], geometry=["shortest", "squash"], crop=["down"],
                  channels=["rgb"], align_corners=[False])
    # CLIPImageProcessor with a square target, as all CLIP checkpoints have.
    cases = [case for case in cases
             if case.geometry == "squash" or case.target_width == case.target_height]
    lines = []
    for case in cases:
        image = picture(modes[case.number % len(modes)], case)
        lines.append(f"{case.line(hugging(image, case)).rstrip()} {case.number}\n")
    (OUT / "hugging.txt").write_text("".join(lines))


def write_planes():
    lines = []
    rng = np.random.default_rng(7)
    for seed in range(1, 201):
        planes = int(rng.choice([1, 2, 3, 5, 8, 20]))
        height, width = (int(x) for x in rng.integers(1, 70, 2))
        new_height, new_width = (int(x) for x in rng.integers(1, 100, 2))
        if seed % 10 == 0:
            new_height, new_width = 2 * height, 2 * width
        align = int(seed % 2)
        values = noise(seed, planes * height * width).astype(np.float32)
        values = (values - np.float32(128)) / np.float32(7)
        out = torch.nn.functional.interpolate(
            torch.from_numpy(values.reshape(1, planes, height, width)), (new_height, new_width),
            mode="bilinear", align_corners=bool(align))
        lines.append(f"{seed} {planes} {height} {width} {new_height} {new_width} {align} "
                     f"{crc(out.numpy().astype('<f4').tobytes())}\n")
    (OUT / "planes.txt").write_text("".join(lines))


def main():
    assert torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    OUT.mkdir(parents=True, exist_ok=True)
    for mode in BANDS:
        write_pillow(mode)
    write_tensors()
    write_planes()


if __name__ == "__main__":
    main()
