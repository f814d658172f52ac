"""Golden vectors and the preprocess configuration."""

import io

import ftfy
import numpy as np
import pytest
import torch
from glint_export import ExportError, clip, pictures, write_package
from glint_export.preprocess import to_manifest, transform
from glint_export.reference import compute, padded
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from safetensors.torch import load_file


def test_golden_vectors_are_what_open_clip_computes(tmp_path, tiny_arch):
    source = clip.load_source(tiny_arch, None, 4)
    parts = clip.parts_of(source, "tiny", "f16", "x")
    write_package(tmp_path / "a.glint", parts)
    golden = load_file(tmp_path / "a.glint/reference/vectors.safetensors")
    pixels = []
    for i in range(3):
        picture = Image.open(tmp_path / f"a.glint/reference/{i}.png")
        pixels.append(image_transform_v2(PreprocessCfg(size=32), is_train=False)(picture))
        assert torch.equal(golden[f"pixels.{i}"], pixels[-1])
    import open_clip

    ids = open_clip.get_tokenizer(tiny_arch)(pictures.TEXTS)
    for i, row in enumerate(ids):
        assert torch.equal(golden[f"ids.{i}"], row[: len(golden[f"ids.{i}"])])
        assert not row[len(golden[f"ids.{i}"]) :].any()
    with torch.no_grad():
        model = source.model
        logits = model.get_logits(torch.stack(pixels), ids)[0]
        assert torch.equal(golden["image_embedding"], model.encode_image(torch.stack(pixels)))
        assert torch.equal(golden["text_embedding"], model.encode_text(ids))
    torch.testing.assert_close(golden["logits"], logits, rtol=0, atol=1e-5)


def test_default_texts_need_no_ftfy(tiny_parts):
    # Entities aside, which ftfy and the tokenizer both undo.
    for text in pictures.TEXTS:
        assert ftfy.fix_text(text) in (text, text.replace("&amp;", "&"))


def test_ids_end_with_the_end_token_even_where_zero_is_a_token(tiny_parts):
    reference = tiny_parts().reference
    assert reference.ids("!") == [49406, 256, 49407]
    assert reference.ids("! !!")[-1] == 49407
    assert len(reference.ids("word " * 100)) == 77
    assert reference.ids("word " * 100)[-1] == 49407


def test_drawn_pictures_cover_the_modes_and_never_change():
    files = pictures.drawn(32)
    modes = {name: Image.open(io.BytesIO(data)).mode for name, data in files.items()}
    assert modes == {"rgb.png": "RGB", "grey.png": "L", "rgba.png": "RGBA"}
    for name, data in pictures.drawn(32).items():
        assert data == files[name]


def test_given_pictures_are_copied_byte_for_byte(tmp_path, tiny_parts):
    buffer = io.BytesIO()
    Image.fromarray(np.arange(75, dtype=np.uint8).reshape(5, 5, 3)).save(buffer, "JPEG")
    parts = tiny_parts()
    parts.pictures = {"Some Photo.JPEG": buffer.getvalue()}
    write_package(tmp_path / "a.glint", parts)
    assert (tmp_path / "a.glint/reference/0.jpeg").read_bytes() == buffer.getvalue()
    golden = load_file(tmp_path / "a.glint/reference/vectors.safetensors")
    assert golden["logits"].shape == (1, len(pictures.TEXTS))


@pytest.mark.parametrize("size", [40, (40, 24)])
@pytest.mark.parametrize("mode", ["shortest", "squash", "longest"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_preprocess_survives_the_manifest(size, mode, interpolation):
    cfg = PreprocessCfg(
        size=size,
        mean=(0.1, 0.2, 0.3),
        std=(0.5, 0.6, 0.7),
        interpolation=interpolation,
        resize_mode=mode,
        fill_color=77,
    )
    picture = Image.open(io.BytesIO(pictures.drawn(48)["rgb.png"]))
    expected = image_transform_v2(cfg, is_train=False)(picture)
    assert torch.equal(transform(to_manifest(cfg))(picture), expected)


def test_hugging_faces_preprocess_lays_alpha_on_white_and_crops_from_the_lower_half():
    cfg = PreprocessCfg(size=8, mean=(0.0,) * 3, std=(1.0,) * 3)
    manifest = to_manifest(cfg, hugging_face=True)
    assert (manifest["rgb"], manifest["crop"]) == ("before_on_white", "down")
    columns = np.zeros((8, 11, 4), np.uint8)
    columns[..., 0] = np.arange(11) * 20
    columns[..., 3] = 255
    columns[0, :, 3] = 0
    pixels = transform(manifest)(Image.fromarray(columns, "RGBA"))
    assert torch.equal(pixels[:, 0], torch.ones(3, 8))
    assert torch.equal(pixels[0, 1], torch.arange(1, 9).float() * 20 / 255)  # open_clip: from 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"interpolation": "random"}, "bicubic or bilinear"),
        ({"resize_mode": "widest"}, "shortest, squash or longest"),
        ({"resize_mode": "longest", "fill_color": 256}, "fill colour from 0 to 255"),
        ({"mean": (0.5, 0.5)}, r"three numbers as mean .* got \(0.5, 0.5\)"),
        ({"mean": 0.5}, "three numbers as mean .* got 0.5"),
        ({"std": [1.0, 0.0, 1.0]}, "three positive numbers as std"),
        ({"std": ("a", 1, 1)}, "three positive numbers as std"),
    ],
)
def test_unsupported_preprocesses_are_refused(change, message):
    with pytest.raises(ExportError, match=message):
        to_manifest(PreprocessCfg(**change))


def test_padded_fills_with_zeros():
    assert padded([[1], [2, 3]], 3).tolist() == [[1, 0, 0], [2, 3, 0]]


def test_compute_keeps_the_order_of_pictures_and_texts(tiny_parts):
    reference = tiny_parts().reference
    files = pictures.drawn(32)
    forward = compute(reference, files, ["a", "b"])
    backward = compute(reference, dict(reversed(files.items())), ["b", "a"])
    torch.testing.assert_close(forward.logits, backward.logits.flip(0, 1), rtol=0, atol=1e-4)
