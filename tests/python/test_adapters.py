"""Importing CoOp and CoCoOp, and what every importer's package holds and refuses.

That the numbers are right, tests/parity/test_adapter_checkpoints.py shows.
"""

import json
import shutil
from pathlib import Path

import adapter_support
import pytest
import torch
from adapter_support import CHECKPOINTS, CLASSES, about, draw, import_case, state_of
from glint_export import ExportError, Reference, write_extension, write_package
from glint_export.adapters import cocoop, coop, maple
from glint_export.adapters.base import Base
from glint_export.package import Package
from glint_export.parts import PackageParts
from glint_export.preprocess import to_manifest
from glint_export.towers import TextConfig, TextTransformer, VisionTransformer, VitConfig
from open_clip.transform import PreprocessCfg, image_transform_v2
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parent.parent.parent
DIM, WIDTH = 8, 16  # of adapters.glint


def test_a_package_holds_what_was_learned_and_where_it_comes_from(tmp_path, monkeypatch):
    monkeypatch.setenv("GLINT_PACKAGE_PATH", str(adapter_support.base_folder("adapters").parent))
    assert import_case("coop", tmp_path / "pets.glint", "--licence", "MIT") == 0
    package = Package(tmp_path / "pets.glint")
    own = json.loads((tmp_path / "pets.glint/glint.json").read_text())
    assert own["name"] == "pets" and own["licence"] == "MIT"
    assert own["provenance"].keys() == {
        "checkpoint", "checkpoint_sha256", "epoch", "exporter", "method",
    }  # fmt: skip
    assert own["provenance"]["epoch"] == "3" and "logit" not in own and "towers" not in own
    (head,) = own["tasks"]["classify"]["heads"]
    assert head["parameters"] == {"class_token_position": "end"}
    context = load_file(package.file(head["tensors"]))["context"]
    expected = torch.load(
        CHECKPOINTS / "coop/prompt_learner/model.pth.tar-3", weights_only=False
    )["state_dict"]["ctx"]
    assert context.dtype == torch.float16 and torch.equal(context, expected)
    assert json.loads(package.file("classes.json").read_text()) == CLASSES


def test_numbers_that_half_precision_lacks_are_f32(adapters):
    context = draw(4, WIDTH)
    for given, dtype in ((context, torch.float32), (context.half(), torch.float16)):
        parts = coop.parts_of(adapters, about(), given, "end")
        assert parts.tensors[coop.TENSORS]["context"].dtype == dtype
    meta_net = {
        "linear1.weight": draw(2, DIM), "linear1.bias": draw(2),
        "linear2.weight": draw(WIDTH, 2), "linear2.bias": draw(WIDTH),
    }  # fmt: skip
    assert cocoop.parts_of(adapters, about(), context, meta_net).storage == "f32"
    halves = {name: tensor.half() for name, tensor in meta_net.items()}
    assert cocoop.parts_of(adapters, about(), context, halves).storage == "f16"


@pytest.fixture(scope="module")
def true_widths(tmp_path_factory):
    """A base of ViT-B/16's widths and nine layers, as small as can be otherwise."""
    tokenizer = adapter_support.base("prompts").tokenizer
    image = VisionTransformer(VitConfig(16, 8, 768, 9, 12, 8, 512, True)).eval()
    end, size = tokenizer.eot_token_id, tokenizer.vocab_size
    text = TextTransformer(TextConfig(size, 77, 512, 9, 8, 8, 512, True, end)).eval()
    merges = adapter_support.base_folder("prompts") / "tokenizer/bpe.txt.gz"
    config = PreprocessCfg(size=16)
    pixels = image_transform_v2(config, is_train=False)
    reference = Reference(pixels, tokenizer, image, text, 100.0, 0.0)
    out = tmp_path_factory.mktemp("base") / "wide.glint"
    parts = PackageParts(
        "wide", image, text, 512, 512, "quick_gelu", to_manifest(config), merges.read_bytes(),
        reference, "MIT", {},
    )  # fmt: skip
    with torch.no_grad():
        write_package(out, parts)
    return Base(out)


def written(folder, parts):
    write_extension(folder / "a.glint", parts)
    return sum(p.stat().st_size for p in (folder / "a.glint").rglob("*") if p.is_file())


def test_packages_of_true_widths_are_small(tmp_path, true_widths):
    """The issue's bounds, in f32: 40 KB and the manifest for CoOp, 120 KB for MaPLe."""
    coops = written(tmp_path, coop.parts_of(true_widths, about(), draw(16, 512), "end"))
    manifest = sum(p.stat().st_size for p in (tmp_path / "a.glint").glob("glint.json*"))
    shutil.rmtree(tmp_path / "a.glint")
    learned = draw(9, 2, 512), draw(9, 2, 768)
    maples = written(tmp_path, maple.parts_of(true_widths, about(), "of a {}.", *learned))
    print(f"CoOp {coops - manifest} and {manifest} bytes, MaPLe {maples}")
    assert coops - manifest <= 40_000 and manifest < 4_000
    assert maples <= 120_000


def test_all_problems_are_in_one_error(adapters, save):
    state = state_of("cocoop")
    state["ctx"][1, 2] = float("nan")
    state["extra"] = torch.zeros(1)
    state["meta_net.linear2.weight"] = torch.zeros(WIDTH, 5)
    state["meta_net.linear2.bias"] = torch.zeros(WIDTH, dtype=torch.int64)
    del state["meta_net.linear1.bias"]
    with pytest.raises(ExportError) as error:
        cocoop.read(adapters, about(), save(state))
    for problem in (
        "ctx has values that are not finite",
        "extra is unexpected",
        "meta_net.linear2.weight is [16, 5], expected [16, 2]",
        "meta_net.linear2.bias is torch.int64, expected torch.float32",
        "meta_net.linear1.bias is missing",
    ):
        assert problem in str(error.value)


@pytest.mark.parametrize(
    ("ctx", "message"),
    [
        (draw(4, 17), r"ctx is \[4, 17\], expected \[M, 16\]"),
        (draw(75, WIDTH), "expected 1 to 74 vectors in the context.*, got 75"),
        (draw(WIDTH), r"ctx is \[16\], expected \[M, 16\]"),
        (draw(0, WIDTH), r"ctx is \[0, 16\], which is empty"),
        (draw(3, 4, WIDTH), "expected a list of 3 classes, one for each context, got 0"),
        (draw(4, WIDTH).double() * 1e300, "ctx has values that are not finite"),
    ],
)
def test_contexts_that_do_not_fit_are_refused(adapters, save, ctx, message):
    with pytest.raises(ExportError, match=message):
        coop.read(adapters, about(), save({"ctx": ctx}), "end")


def test_a_place_that_there_is_not_is_refused(adapters):
    with pytest.raises(ExportError, match="expected the name's place end, middle, front"):
        coop.parts_of(adapters, about(), draw(4, WIDTH), "behind")


def test_prompts_of_another_base_are_refused(adapters, save):
    state = state_of("coop")
    state["token_prefix"] = state["token_prefix"] + 0.5
    with pytest.raises(ExportError, match="got another start token in token_prefix"):
        coop.read(adapters, about(), save(state), "end")
    with pytest.raises(ExportError, match=r"is \[4, 16\], expected \[M, 64\]"):
        coop.read(Base(ROOT / "models/tiny-clip.glint"), about(), save(state_of("coop")), "end")


@pytest.mark.parametrize("case", ["coop", "cocoop", "coop_own"])
def test_a_class_list_in_another_order_is_refused(tmp_path, adapters, case):
    module, rest = (cocoop, ()) if case == "cocoop" else (coop, ("front",))
    read = lambda names: module.read(adapters, about(names), CHECKPOINTS / case, *rest)  # noqa: E731
    assert read(CLASSES).classes == CLASSES
    with pytest.raises(ExportError, match=r"expected 'white horse.' as text 0"):
        read([CLASSES[1], CLASSES[0], *CLASSES[2:]])
    with pytest.raises(ExportError, match="expected 7 classes, as in .*, got 6"):
        read(CLASSES[1:])


def test_a_base_without_the_methods_is_refused(adapters, prompts):
    tiny = Base(ROOT / "models/tiny-clip.glint")
    with pytest.raises(ExportError, match="whose image tower has the method forward_prompted"):
        maple.parts_of(tiny, about(), "{}.", image_prompts=draw(1, 2, 16))
    resnet = Base(adapter_support.base_folder("adapters"))
    del resnet.package.manifest["towers"]["text"]
    with pytest.raises(ExportError, match="expected a base with a tower text"):
        coop.parts_of(resnet, about(), draw(4, WIDTH), "end")
    old = Base(adapter_support.base_folder("adapters"))
    del old.package.manifest["towers"]["text"]["methods"]["forward_suffix"]
    with pytest.raises(ExportError, match="the method forward_suffix, .* export it again"):
        cocoop.parts_of(old, about(), draw(4, WIDTH), {})


def test_class_lists_are_distinct_names(tmp_path, adapters):
    for second, message in (("a", "'a' twice"), ("", "a blank one"), (" ", "a blank one")):
        names = ["a", second]
        parts = coop.parts_of(adapters, about(names), draw(4, WIDTH), "end")
        with pytest.raises(ExportError, match=f"{message} as the classes"):
            write_extension(tmp_path / "a.glint", parts)


def test_an_extension_is_no_base():
    with pytest.raises(ExportError, match="expected a base that extends nothing"):
        Base(adapter_support.base_folder("heads-cocoop"))
