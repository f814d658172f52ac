"""Folders as open_clip publishes them, written by its own save_for_hf."""

import json

import hf_support
import open_clip
import pytest
import torch
from glint_export import ExportError, clip, open_clip_folder, write_package
from glint_export.package import Package
from glint_export.random_weights import randomise
from open_clip.push_to_hf_hub import save_for_hf


@pytest.fixture
def save(tmp_path, tiny_arch):
    def save(arch=tiny_arch, form=True, **preprocess):
        model = open_clip.create_model(arch, force_preprocess_cfg=preprocess).eval()
        randomise(model, 5, layers=5)
        model.visual.image_mean = model.visual.preprocess_cfg["mean"]  # as the factory sets them
        model.visual.image_std = model.visual.preprocess_cfg["std"]
        config = open_clip.get_model_config(arch)
        words = hf_support.tokenizer(hf_support.published_merges()[:10])  # any; it is not read
        save_for_hf(model, words, config, tmp_path / "folder", safe_serialization=form)
        return tmp_path / "folder", model

    return save


def parts(folder, **options):
    return clip.parts_of(open_clip_folder.load_source(folder), "folder", "f32", "MIT", **options)


@pytest.mark.parametrize("arch", ["tiny-test", "tiny-test-quickgelu", "tiny-resnet"])
@pytest.mark.parametrize("form", [True, False], ids=["safetensors", "bin"])
def test_the_package_computes_what_open_clip_does(tmp_path, save, arch, form):
    folder, model = save(arch, form)
    made = parts(folder)
    write_package(tmp_path / "a.glint", made)  # verifies against the model in made.reference
    package = Package(tmp_path / "a.glint")
    assert package.manifest["activation"] == ("quick_gelu" if "quick" in arch else "gelu")
    theirs = open_clip.create_model(f"local-dir:{folder}").eval()
    side = package.manifest["preprocess"]["default"]["size"][0]
    pixels = torch.randn(3, 3, side, side, generator=torch.Generator().manual_seed(0))
    ids = made.reference.tokenizer(["a cat", "two dogs in the rain"])
    with torch.no_grad():
        assert torch.equal(made.reference.image(pixels), theirs.encode_image(pixels))
        assert torch.equal(made.reference.text(ids), theirs.encode_text(ids))
        assert torch.equal(model.encode_image(pixels), theirs.encode_image(pixels))


def test_the_preprocess_is_the_folders(save):
    folder, _ = save(
        mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6), interpolation="bilinear", resize_mode="squash"
    )
    preprocess = parts(folder).preprocess
    assert preprocess["mean"] == [0.1, 0.2, 0.3] and preprocess["std"] == [0.4, 0.5, 0.6]
    assert preprocess["interpolation"] == "bilinear" and preprocess["geometry"] == "squash"
    assert preprocess["size"] == [32, 32] and preprocess["rgb"] == "after"


def test_safetensors_come_before_pickled_weights(save):
    folder, _ = save(form="both")
    assert parts(folder).provenance["weights"] == "open_clip_model.safetensors"


def change(folder, **changes):
    path = folder / "open_clip_config.json"
    content = json.loads(path.read_text())
    for key, value in changes.items():
        *outer, last = key.split("__")
        target = content
        for name in outer:
            target = target[name]
        if value is None:
            del target[last]
        else:
            target[last] = value
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_cfg": None}, "expected an object model_cfg in .*open_clip_config.json"),
        ({"preprocess_cfg": None}, "expected an object preprocess_cfg in"),
        ({"preprocess_cfg__mean": None}, "expected preprocess_cfg.mean in"),
        ({"model_cfg__text_cfg": None}, "expected an object model_cfg.text_cfg in"),
        ({"model_cfg__custom_text": True}, "open_clip_config.json with custom_text"),
        ({"model_cfg__vision_cfg__timm_model_name": "x"}, "with the timm image tower x"),
        ({"model_cfg__vision_cfg__layers": 3}, "visual.transformer.resblocks.2.* is missing"),
        ({"model_cfg__embed_dim": 20}, r"text_projection is \[16, 24\], expected \[16, 20\]"),
        ({"model_cfg__embed_dim": "x"}, "expected an architecture that open_clip builds in"),
        ({"preprocess_cfg__interpolation": "random"}, "bicubic or bilinear"),
    ],
)
def test_other_configurations_are_refused(save, changes, message):
    folder, _ = save()
    change(folder, **changes)
    with pytest.raises(ExportError, match=message) as error:
        parts(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("file", ["open_clip_config.json", "open_clip_model.safetensors"])
def test_missing_files_are_named(save, file):
    folder, _ = save()
    (folder / file).unlink()
    with pytest.raises(ExportError, match=file):
        parts(folder)
