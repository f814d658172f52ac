"""State dicts: what is read, what is refused, and that every problem is named."""

import open_clip
import pytest
import torch
from glint_export import ExportError, clip
from glint_export.checkpoint import load_strictly, read_state_dict, round_to_half
from glint_export.random_weights import randomise
from safetensors.torch import save_file


@pytest.fixture
def state(tiny_arch):
    model = open_clip.create_model(tiny_arch)
    randomise(model, 7, layers=2)
    return model.state_dict()


def images(model):
    generator = torch.Generator().manual_seed(1)
    size = model.visual.image_size[0]
    with torch.no_grad():
        return model.eval().encode_image(torch.randn(2, 3, size, size, generator=generator))


@pytest.mark.parametrize("form", ["pt", "bin", "safetensors", "wrapped", "module", "half"])
def test_every_form_of_a_checkpoint_gives_open_clips_model(tmp_path, tiny_arch, state, form):
    path = tmp_path / f"weights.{form if form in ('bin', 'safetensors') else 'pt'}"
    if form == "safetensors":
        save_file(state, path)
    elif form == "wrapped":
        torch.save({"epoch": 3, "state_dict": {f"module.{k}": v for k, v in state.items()}}, path)
    elif form == "module":
        torch.save({f"module.{k}": v for k, v in state.items()}, path)
    elif form == "half":
        torch.save({k: v.half() for k, v in state.items()}, path)
    else:
        torch.save(state, path)
    ours = clip.load_source(tiny_arch, str(path)).model
    theirs = open_clip.create_model(tiny_arch, pretrained=str(path))
    assert torch.equal(images(ours), images(theirs))
    assert torch.equal(ours.logit_scale, theirs.logit_scale)


@pytest.mark.parametrize("size", [24, 48])
def test_image_size_resizes_the_positions_as_open_clip_does(tmp_path, tiny_arch, state, size):
    torch.save(state, tmp_path / "weights.pt")
    path = str(tmp_path / "weights.pt")
    ours = clip.load_source(tiny_arch, path, image_size=size)
    theirs = open_clip.create_model(tiny_arch, pretrained=path, force_image_size=size)
    assert torch.equal(images(ours.model), images(theirs))
    assert ours.preprocess.size == (size, size)


def test_positions_of_another_grid_are_refused_without_image_size(tmp_path, tiny_arch, state):
    state["visual.positional_embedding"] = torch.zeros(37, 32)
    torch.save(state, tmp_path / "weights.pt")
    with pytest.raises(ExportError, match=r"visual.positional_embedding is \[37, 32\]"):
        clip.load_source(tiny_arch, str(tmp_path / "weights.pt"))


@pytest.mark.parametrize("shape", [(12, 32), (17, 31), (1, 32), (17,)])
def test_positions_that_are_no_grid_are_refused_with_image_size(tmp_path, tiny_arch, state, shape):
    state["visual.positional_embedding"] = torch.zeros(shape)
    torch.save(state, tmp_path / "weights.pt")
    with pytest.raises(ExportError, match="visual.positional_embedding is"):
        clip.load_source(tiny_arch, str(tmp_path / "weights.pt"), image_size=48)


def test_a_logit_bias_is_kept(tmp_path, tiny_arch, state):
    state |= {"logit_bias": torch.tensor([-2.5]), "logit_scale": torch.tensor([2.0])}
    torch.save(state, tmp_path / "weights.pt")
    source = clip.load_source(tiny_arch, str(tmp_path / "weights.pt"))
    reference = clip.parts_of(source, "tiny", "f32", "x").reference
    assert reference.logit_bias == -2.5
    assert reference.logit_scale == pytest.approx(7.389056, rel=1e-6)


def test_all_problems_are_in_one_error(tmp_path, tiny_arch, state):
    del state["ln_final.bias"], state["visual.proj"]
    state["visual.extra"] = torch.zeros(1)
    state["text_projection"] = torch.zeros(3, 3)
    state["visual.ln_post.weight"][3] = float("inf")
    state["ln_final.weight"] = state["ln_final.weight"].long()
    torch.save(state, tmp_path / "weights.pt")
    with pytest.raises(ExportError) as error:
        clip.load_source(tiny_arch, str(tmp_path / "weights.pt"))
    for problem in (
        "ln_final.bias is missing",
        "visual.proj is missing",
        "visual.extra is unexpected",
        "text_projection is [3, 3], expected [16, 24]",
        "visual.ln_post.weight has values that are not finite",
        "ln_final.weight is torch.int64, expected torch.float32",
    ):
        assert problem in str(error.value)


def test_mapping_onto_the_towers_is_strict(tiny_arch):
    source = clip.load_source(tiny_arch, None)
    config = dict(source.config, embed_dim=20)
    with pytest.raises(ExportError, match=r"proj is \[32, 24\], expected \[32, 20\]"):
        clip.towers(source.model, config, eot=49407)
    deeper = dict(source.config, text_cfg=source.config["text_cfg"] | {"layers": 3})
    with pytest.raises(ExportError, match="transformer.resblocks.2.attn.in_proj_weight is missing"):
        clip.towers(source.model, deeper, eot=49407)


class Evil:
    def __reduce__(self):
        return (print, ("code ran",))


@pytest.mark.parametrize(
    "content", ["text", "empty", "pickle", "list", "dict", "nothing", "script"]
)
def test_what_is_no_state_dict_is_refused_without_running_code(tmp_path, capsys, content):
    path = tmp_path / "weights.pt"
    if content == "text":
        path.write_text("hello")
    elif content == "empty":
        path.write_bytes(b"")
    elif content == "script":
        torch.jit.script(torch.nn.Linear(1, 1)).save(path)
    else:
        value = {"pickle": {"a": Evil()}, "list": [1], "dict": {"a": 1}, "nothing": {}}[content]
        torch.save(value, path)
    with pytest.raises(ExportError, match=r"expected (a state dict|only tensors) in .*weights\.pt"):
        read_state_dict(path)
    assert "code ran" not in capsys.readouterr().out


def test_a_broken_safetensors_file_is_refused(tmp_path):
    (tmp_path / "weights.safetensors").write_bytes(b"\xff" * 40)
    with pytest.raises(ExportError, match="expected a state dict"):
        read_state_dict(tmp_path / "weights.safetensors")


def test_round_to_half_changes_no_value_twice():
    module = torch.nn.Linear(8, 8)
    round_to_half(module)
    once = module.weight.clone()
    assert module.weight.dtype == torch.float32 and torch.equal(once, once.half().float())
    round_to_half(module)
    assert torch.equal(module.weight, once)


def test_load_strictly_takes_half_tensors_as_f32():
    module = torch.nn.Linear(2, 2)
    load_strictly(module, {k: v.half() for k, v in module.state_dict().items()}, "test")
    assert {p.dtype for p in module.parameters()} == {torch.float32}


@pytest.mark.parametrize("seed", [0, 1])
def test_random_weights_leave_nothing_at_its_default(tiny_arch, seed):
    model = clip.load_source(tiny_arch, None, seed).model
    for name, weight in model.named_parameters():
        assert weight.numel() == 1 or weight.std() > 0, name
        assert torch.isfinite(weight).all(), name
    again = clip.load_source(tiny_arch, None, seed).model.state_dict()
    other = clip.load_source(tiny_arch, None, seed + 1).model.state_dict()
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, again[name]), name
        assert not torch.equal(weight, other[name]), name
