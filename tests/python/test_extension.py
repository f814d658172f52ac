"""write_extension: a small package that borrows the towers of another one."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from glint_export import ExportError, ExtensionParts, write_extension
from glint_export.package import Package
from glint_export.parts import Block, Call, method, port

BASE = Path(__file__).resolve().parent.parent / "golden/packages/heads.glint"
DIM = 8  # of its embeddings


class Adapter(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(2 * torch.eye(DIM))

    def forward(self, embedding):
        return embedding @ self.weight


@pytest.fixture(autouse=True)
def no_package_path(monkeypatch):
    monkeypatch.delenv("GLINT_PACKAGE_PATH", raising=False)


@pytest.fixture
def parts():
    row = torch.arange(2 * DIM, dtype=torch.float32).reshape(2, DIM)
    shape = ("f32", "B", DIM)
    head = {"type": "test", "templates": "templates.json", "tensors": "tensors/cache.safetensors"}
    return ExtensionParts(
        name="adapted",
        base=BASE,
        tasks={"classify": {"preprocess": "default", "heads": [head]}},
        calls=[Call("adapter", "forward", {"embedding": row}, {"adapted": 2 * row})],
        licence="MIT",
        provenance={"weights": "test"},
        blocks={
            "adapter": Block(
                Adapter(),
                {"forward": method([port("embedding", *shape)], port("adapted", *shape))},
            )
        },
        tensors={"tensors/cache.safetensors": {"keys": torch.ones(3, DIM)}},
        templates=["a {}."],
        classes=["cat", "dog"],
    )


def contents(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_an_extension_holds_only_its_own(tmp_path, parts):
    write_extension(tmp_path / "adapted.glint", parts)
    files = contents(tmp_path / "adapted.glint")
    assert sorted(files) == [
        "classes.json",
        "glint.json",
        "glint.json.sha256",
        "reference/vectors.safetensors",
        "templates.json",
        "tensors/cache.safetensors",
        "towers/adapter.pt",
    ]
    assert sum(map(len, files.values())) < 10_000
    manifest = json.loads(files["glint.json"])
    assert manifest["extends"] == {"name": "heads", "digest": Package(BASE).digest}
    assert manifest["towers"].keys() == {"adapter"}
    assert not manifest.keys() & {"tokenizer", "embed_dim", "preprocess", "logit"}
    assert list(tmp_path.iterdir()) == [tmp_path / "adapted.glint"]


def test_the_same_parts_give_the_same_bytes(tmp_path, parts):
    write_extension(tmp_path / "a.glint", parts)
    write_extension(tmp_path / "b.glint", parts)
    assert contents(tmp_path / "a.glint") == contents(tmp_path / "b.glint")


def test_reading_gives_the_whole(tmp_path, parts, monkeypatch):
    folder = tmp_path / "adapted.glint"
    write_extension(folder, parts)
    with pytest.raises(ExportError, match="expected heads.glint with SHA-256"):
        Package(folder)
    monkeypatch.setenv("GLINT_PACKAGE_PATH", f"{tmp_path / 'none'}:{BASE.parent}")
    found = Package(folder)
    monkeypatch.delenv("GLINT_PACKAGE_PATH")
    shutil.copytree(BASE, tmp_path / "heads.glint")
    for package in (found, Package(folder), Package(folder, [Package(BASE)])):
        assert package.manifest["embed_dim"] == DIM
        assert package.manifest["logit"]["scale"] == 20
        assert {"image", "text", "adapter"} <= package.manifest["towers"].keys()
        assert package.templates() == ["a {}."]
        assert package.tower("image")(torch.zeros(1, 3, 16, 16)).shape == (1, DIM)
        assert torch.equal(package.tower("adapter")(torch.ones(1, DIM)), torch.full((1, DIM), 2.0))


def test_a_base_with_another_digest_is_not_taken(tmp_path, parts):
    folder = tmp_path / "adapted.glint"
    write_extension(folder, parts)
    shutil.copytree(BASE, tmp_path / "heads.glint")
    manifest = tmp_path / "heads.glint/glint.json"
    manifest.write_bytes(manifest.read_bytes() + b"\n")
    with pytest.raises(ExportError, match="expected heads.glint with SHA-256"):
        Package(folder)


def test_prompts_alone_are_recorded_with_a_tower_of_the_base(tmp_path, parts):
    ids = torch.tensor([[762, 100, 763]])
    embeddings = Package(BASE).tower("text").embed(ids)
    call = Call("text", "embed", {"ids": ids}, {"embeddings": embeddings})
    logit = (30.0, 0.5)
    write_extension(tmp_path / "a.glint", replace(parts, blocks={}, calls=[call], logit=logit))
    package = Package(tmp_path / "a.glint", [Package(BASE)])
    assert package.manifest["logit"] == {"scale": 30.0, "bias": 0.5}
    assert not (tmp_path / "a.glint/towers").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "../a"}, "as the name"),
        ({"licence": ""}, "as the licence"),
        ({"templates": ["no slot"]}, "as the template"),
        ({"calls": []}, "at least one recorded call, got none"),
        ({"logit": (0.0, 0.0)}, "a positive number, got 0.0 as the logit scale"),
        ({"base": BASE.parent}, "expected a glint package"),
        ({"tensors": {}}, "a file of the package, got tensors/cache.safetensors as the tensors"),
        ({"templates": []}, "a file of the package, got templates.json as the templates"),
        ({"tasks": {"t": {"preprocess": "x", "heads": []}}}, "a preprocess of the package"),
        ({"tensors": {"towers/image.pt": {}}}, "files that the base of .* does not have"),
    ],
)
def test_wrong_parts_are_refused_and_nothing_is_written(tmp_path, parts, changes, message):
    with pytest.raises(ExportError, match=message):
        write_extension(tmp_path / "a.glint", replace(parts, **changes))
    assert list(tmp_path.iterdir()) == []


def test_a_tower_of_the_bases_name_is_refused(tmp_path, parts):
    parts.blocks["meta_net"] = parts.blocks["adapter"]
    with pytest.raises(ExportError, match="does not have, got .*meta_net"):
        write_extension(tmp_path / "a.glint", parts)


def test_calls_are_repeated(tmp_path, parts):
    parts.calls[0].outputs["adapted"] = parts.calls[0].outputs["adapted"] + 0.01
    with pytest.raises(ExportError, match="adapted of the method forward of adapter within 1e-05"):
        write_extension(tmp_path / "a.glint", parts)
    unknown = replace(parts, calls=[replace(parts.calls[0], tower="none")])
    with pytest.raises(ExportError, match="a method of the package"):
        write_extension(tmp_path / "a.glint", unknown)
    assert list(tmp_path.iterdir()) == []


def test_an_extension_is_no_base(tmp_path, parts):
    shutil.copytree(BASE, tmp_path / "heads.glint")
    write_extension(tmp_path / "adapted.glint", parts)
    parts = replace(parts, name="more", base=tmp_path / "adapted.glint")
    with pytest.raises(ExportError, match="a base that extends nothing"):
        write_extension(tmp_path / "more.glint", parts)


def test_outputs_that_would_harm_a_package_are_refused(tmp_path, parts):
    base = tmp_path / "other.glint"
    shutil.copytree(BASE, base)
    for inside in (base / "a.glint", base / "towers" / "a.glint"):
        with pytest.raises(ExportError, match="outside of other packages"):
            write_extension(inside, parts)
    with pytest.raises(ExportError, match="another place than that of the base"):
        write_extension(base, replace(parts, base=base), force=True)
    assert Package(base).digest == Package(BASE).digest
    assert not list(base.rglob("a.glint"))


def test_the_committed_extension_fits_its_base():
    package = Package(BASE.parent / "heads-cocoop.glint")
    assert package.base.folder.name == "heads.glint"
    own = [p for p in package.folder.rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in own) < 10_000
