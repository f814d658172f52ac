"""Folders of transformers' CLIPModel, written by its own save_pretrained."""

import dataclasses
import json

import hf_support
import numpy as np
import pytest
import torch
from glint_export import ExportError, hf, pictures, write_package
from glint_export.hf_preprocess import preprocess_of
from glint_export.hf_tokenizer import load_tokenizer
from glint_export.package import Package
from glint_export.preprocess import transform
from glint_export.verify import check_image, check_text, relative_difference
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPImageProcessor, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

FEW = 300  # merges; the package format takes any number


@pytest.fixture(scope="module")
def merges():
    return hf_support.published_merges()


@pytest.fixture
def folder(tmp_path, merges):
    hf_support.save(tmp_path / "hf", merges[:FEW])
    return tmp_path / "hf"


def edit(path, **changes):
    """Sets keys of a JSON object; a dotted key goes one object deeper."""
    content = json.loads(path.read_text())
    for key, value in changes.items():
        *outer, last = key.split("__")
        target = content[outer[0]] if outer else content
        target[last] = value
    path.write_text(json.dumps(content))


def parts(folder, storage="f32", **options):
    return hf.parts_of(folder, "hf", storage, "MIT", **options)


@pytest.mark.parametrize("storage", ["f32", "f16"])
@pytest.mark.parametrize("acts", [("quick_gelu", "quick_gelu"), ("gelu", "quick_gelu")])
def test_the_package_computes_what_clipmodel_does(tmp_path, merges, storage, acts):
    folder = tmp_path / "hf"
    model = hf_support.save(
        folder, merges[:FEW], text={"hidden_act": acts[0]}, vision={"hidden_act": acts[1]}
    )
    if storage == "f16":
        model = model.half().float()
        model.logit_scale.data.fill_(4.0)
    write_package(tmp_path / "a.glint", parts(folder, storage))  # verifies at batches 1, 3, 8
    package = Package(tmp_path / "a.glint")
    assert package.manifest["activation"] == acts[1]
    assert package.manifest["provenance"].get("text_activation", acts[1]) == acts[0]
    assert package.manifest["reference"]["versions"]["transformers"]
    golden = load_file(tmp_path / "a.glint/reference/vectors.safetensors")
    pixels = torch.stack([golden[f"pixels.{i}"] for i in range(3)])
    ids = [golden[f"ids.{i}"] for i in range(len(pictures.TEXTS))]
    padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True)
    with torch.no_grad():
        out = model(input_ids=padded, pixel_values=pixels)
        image = model.get_image_features(pixels).pooler_output
        assert relative_difference(package.tower("image")(pixels), image) <= 1e-5
    assert relative_difference(golden["image_embedding"], image) <= 1e-5
    torch.testing.assert_close(golden["logits"], out.logits_per_image, rtol=0, atol=1e-4)


def test_weights_split_over_files_and_pickled_ones_are_read(tmp_path, folder, merges):
    expected = parts(folder).image.state_dict()
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(state)
    halves = {"model-1.safetensors": names[::2], "model-2.safetensors": names[1::2]}
    for file, keys in halves.items():
        save_file({k: state[k] for k in keys}, folder / file)
    index = {"weight_map": {k: file for file, keys in halves.items() for k in keys}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    split = parts(folder)
    assert split.provenance["weights"] == "model-1.safetensors model-2.safetensors"
    (folder / "model.safetensors.index.json").unlink()
    state["text_model.embeddings.position_ids"] = torch.arange(77)[None]  # of older versions
    torch.save(state, folder / "pytorch_model.bin")
    pickled = parts(folder)
    for made in (split, pickled):
        for key, value in made.image.state_dict().items():
            assert torch.equal(value, expected[key]), key


def test_the_legacy_end_token_pools_the_same_position(tmp_path, merges):
    # Configurations from before transformers 4.31 say 2, which means the largest id.
    folder = tmp_path / "hf"
    hf_support.save(folder, merges[:FEW], text={"eos_token_id": 2, "bos_token_id": 0})
    made = parts(folder)
    save = tmp_path / "a.glint"
    write_package(save, made)
    assert Package(save).manifest["tokenizer"]["end"] == 513 + FEW


def test_image_only_needs_no_tokenizer(tmp_path, folder):
    (folder / "tokenizer.json").unlink()
    write_package(tmp_path / "a.glint", parts(folder, image_only=True))
    manifest = Package(tmp_path / "a.glint").manifest
    assert manifest["tokenizer"] is None and list(manifest["towers"]) == ["image"]
    assert manifest["tasks"]["classify"]["heads"] == [{"type": "zero_shot", "templates": None}]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "siglip"}, "expected model_type clip, got 'siglip'"),
        ({"text_config__hidden_act": "gelu_new"}, "quick_gelu or gelu, got 'gelu_new' in text_con"),
        ({"vision_config__layer_norm_eps": 1e-6}, "layer_norm_eps 1e-05, got 1e-06 in vision_con"),
        ({"vision_config__image_size": [32, 48]}, "an integer image_size"),
        ({"vision_config__num_channels": 4}, "num_channels 3, got 4"),
        ({"text_config__eos_token_id": 5}, "eos_token_id 813, .* got 5 in text_config"),
        ({"text_config__vocab_size": 900}, "expected 814 token embeddings, .* vocab_size 900"),
        ({"text_config__num_hidden_layers": 3}, "layers.2.layer_norm1.bias is missing"),
        ({"projection_dim": 20}, r"visual_projection.weight is \[24, 32\], expected \[20, 32\]"),
        ({"vision_config__num_attention_heads": "x"}, "expected a CLIPConfig in"),
        ({"vision_config__image_size": 40}, "expected crop_size 40"),
    ],
)
def test_other_configurations_are_refused(folder, changes, message):
    edit(folder / "config.json", **changes)
    with pytest.raises(ExportError, match=message) as error:
        parts(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_processor_type": "SiglipImageProcessor"}, "type CLIPImageProcessor, got 'Siglip"),
        ({"do_resize": False}, "expected do_resize true, got False"),
        ({"do_convert_rgb": False}, "expected do_convert_rgb true, got False"),
        ({"rescale_factor": 1.0}, "expected rescale_factor 1/255, got 1.0"),
        ({"resample": 0}, "expected resample 2"),
        ({"size": {"shortest_edge": 40}}, "expected a size with shortest_edge 32"),
        ({"size": {"height": 32, "width": 40}}, "expected size 32"),
        ({"crop_size": {"height": 24, "width": 24}}, "expected crop_size 32"),
        ({"do_center_crop": False}, "expected do_center_crop true"),
    ],
)
def test_other_preprocesses_are_refused(folder, changes, message):
    edit(folder / "preprocessor_config.json", **changes)
    with pytest.raises(ExportError, match=message):
        parts(folder)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["config.json"], "readable file .*config.json"),
        (["model.safetensors"], "model.safetensors or pytorch_model.bin"),
        (["preprocessor_config.json"], "preprocessor_config.json or processor_config.json"),
        (["tokenizer.json"], "expected tokenizer.json, or vocab.json and merges.txt"),
    ],
)
def test_missing_files_are_named(folder, files, message):
    for file in files:
        (folder / file).unlink()
    with pytest.raises(ExportError, match=message):
        parts(folder)


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "tokenizer.json"])
@pytest.mark.parametrize("content", ["", "[1]", "{", '{"a": 1}'])
def test_broken_json_is_refused_in_one_sentence(folder, name, content):
    (folder / name).write_text(content)
    with pytest.raises(ExportError) as error:
        parts(folder)
    assert str(error.value).startswith("expected ") and "\n" not in str(error.value)


def noise(width, height, seed=0):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"resample": 2, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4]},
        {"size": {"height": 32, "width": 32}, "do_center_crop": False},
        {"size": 32, "crop_size": 32, "feature_extractor_type": "CLIPFeatureExtractor"},
    ],
)
def test_pixels_equal_those_of_transformers_pillow_processor(folder, changes):
    path = folder / "preprocessor_config.json"
    edit(path, **changes)
    if "feature_extractor_type" in changes:  # as the first files on the hub
        content = json.loads(path.read_text())
        for key in ("image_processor_type", "do_rescale", "rescale_factor", "do_convert_rgb"):
            content.pop(key)
        path.write_text(json.dumps(content))
    ours = transform(preprocess_of(folder, 32))
    theirs = CLIPImageProcessorPil.from_pretrained(folder)
    cases = [noise(32 + n, 32) for n in range(9)] + [noise(45, 90), noise(91, 45)]
    cases += [noise(64, 64).convert(mode) for mode in ("P", "L", "CMYK", "1")]
    clear = noise(64, 64)
    clear.putalpha(noise(64, 64, 1).convert("L"))
    cases.append(clear)
    for picture in cases:
        expected = torch.as_tensor(theirs(picture).pixel_values[0])
        assert torch.equal(ours(picture), expected), (picture.mode, picture.size)


def test_the_torchvision_processor_is_near_but_not_equal(folder):
    ours = transform(preprocess_of(folder, 32))
    theirs = CLIPImageProcessor.from_pretrained(folder)
    picture = noise(8, 8).resize((64, 64), Image.Resampling.BICUBIC)  # smooth, as photographs are
    difference = (ours(picture) - theirs(picture, return_tensors="pt").pixel_values[0]).abs().max()
    # One 8-bit level is 1 / (255 * 0.26) = 0.015 after normalisation.
    assert 0 < difference <= 2 * 0.0152


def test_a_processor_config_of_transformers_5_is_read(folder):
    content = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").unlink()
    nested = {"image_processor": content, "processor_class": "CLIPProcessor"}
    (folder / "processor_config.json").write_text(json.dumps(nested))
    assert preprocess_of(folder, 32)["rgb"] == "before_on_white"


PLAIN = [
    "a photo of a cat.",
    "",
    "  Two   DOGS, it's   3:45 pm; they'll run 1000 miles!  ",
    "ein Bär läuft über die Straße",
    "日本の猫 🐈",
    "50% off #sale @home ¡Olé! (naïve) [x] {y} <z> a/b\\c ~ ^ `q`",
    "ÅNGSTRÖM é e\u0301 İstanbul",
    "tab\tand\nline",
]


@pytest.mark.parametrize("form", ["joined", "split"])
def test_ids_equal_those_of_cliptokenizer(tmp_path, merges, form):
    theirs = hf_support.tokenizer(merges)
    theirs.save_pretrained(tmp_path)
    if form == "split":
        (tmp_path / "tokenizer.json").unlink()
        (tmp_path / "vocab.json").write_text(json.dumps(hf_support.vocabulary(merges)))
        (tmp_path / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), "utf-8")
    ours, _ = load_tokenizer(tmp_path, 77, 49408)
    for text in PLAIN:
        ids = theirs(text).input_ids
        assert [ours.sot_token_id, *ours.encode(text), ours.eot_token_id] == ids, text


def test_ids_differ_from_cliptokenizer_only_where_text_is_repaired(tmp_path, merges):
    theirs = hf_support.tokenizer(merges)
    theirs.save_pretrained(tmp_path)
    ours, _ = load_tokenizer(tmp_path, 77, 49408)
    for text in ("salt &amp; pepper", "\u201ccurly\u201d", "\ufb01sh"):  # ftfy: quotes, ligature
        assert ours.encode(text) != theirs(text).input_ids[1:-1], text


def test_a_vocabulary_with_other_ids_is_refused(folder):
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    vocab = content["model"]["vocab"]
    vocab["!"], vocab['"'] = vocab['"'], vocab["!"]
    path.write_text(json.dumps(content))
    with pytest.raises(ExportError, match=r"expected the id 0 for '!' .* got 1 .*\(2 differ\)"):
        parts(folder)


def test_a_tokenizer_that_behaves_otherwise_is_refused(folder, monkeypatch):
    class Upper(CLIPTokenizer):
        def __call__(self, text):
            return super().__call__(text.upper() + "!")

    monkeypatch.setattr("glint_export.hf_tokenizer.CLIPTokenizer", Upper)
    with pytest.raises(ExportError, match="from the tokenizer in"):
        parts(folder)


def test_the_vocabulary_file_is_the_folders_and_never_changes(tmp_path, merges):
    hf_support.tokenizer(merges[:FEW]).save_pretrained(tmp_path)
    first = load_tokenizer(tmp_path, 77, 514 + FEW)
    second = load_tokenizer(tmp_path, 77, 514 + FEW)
    assert first[1] == second[1]
    assert first[0].sot_token_id == 512 + FEW and first[0].vocab_size == 514 + FEW


def test_towers_hold_against_a_model_loaded_by_from_pretrained(folder):
    model = CLIPModel.from_pretrained(folder, local_files_only=True).eval()
    made = parts(folder)
    reference = dataclasses.replace(
        made.reference,
        image=lambda pixels: model.get_image_features(pixels).pooler_output,
        text=lambda ids: model.get_text_features(ids).pooler_output,
    )
    with torch.no_grad():
        assert check_image(made.image, reference, [32, 32]) <= 1e-5
        assert check_text(made.text, reference, 16) <= 1e-5
