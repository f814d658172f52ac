"""The manifest of a package, glint.json, from its parts."""

import json
from typing import Any

from .package import Package
from .parts import Call, ExtensionParts, Methods, PackageParts, method, port
from .reference import versions
from .towers import TextTransformer, VisionTransformer
from .verify import EMBEDDING_BOUND, LOGIT_BOUND

VECTORS = "reference/vectors.safetensors"


def _prompts(tower: VisionTransformer | TextTransformer) -> dict[str, Any]:
    layers, width = len(tower.transformer.resblocks), tower.positional_embedding.shape[1]
    return port("prompts", "f32", f"P<={layers}", "N", width)


def _prefix_methods(tower: TextTransformer, embeddings: Any, eot: Any, embedding: Any) -> Methods:
    blocks = tower.transformer.resblocks
    layers, heads, head_dim = len(blocks), blocks[0].attn.heads, blocks[0].attn.head_dim
    made = [port(name, "f32", "B", layers, heads, "L", head_dim) for name in ("keys", "values")]
    used = [port(name, "f32", layers, heads, "P", head_dim) for name in ("keys", "values")]
    return {
        "encode_prefix": method([embeddings], *made),
        "forward_suffix": method([embeddings, eot, *used], embedding),
    }


def _methods(parts: PackageParts) -> dict[str, Methods]:
    """Of every tower."""
    height, width = parts.preprocess["size"]
    ids, eot = port("ids", "i64", "B", "L"), port("eot", "i64", "B")
    embeddings = port("embeddings", "f32", "B", "L", parts.text_width)
    embedding = port("embedding", "f32", "B", parts.embed_dim)
    image = {"forward": method([port("pixels", "f32", "B", 3, height, width)], embedding)}
    text = {
        "forward": method([ids], embedding),
        "embed": method([ids], embeddings),
        "forward_embedded": method([embeddings, eot], embedding),
    }
    if isinstance(parts.image, VisionTransformer):
        inputs = [*image["forward"]["inputs"], _prompts(parts.image)]
        image["forward_prompted"] = method(inputs, embedding)
    if isinstance(parts.text, TextTransformer):
        text["forward_prompted"] = method([embeddings, eot, _prompts(parts.text)], embedding)
        text |= _prefix_methods(parts.text, embeddings, eot, embedding)
    methods = {"image": image, "text": text}
    methods |= {name: block.methods for name, block in parts.blocks.items()}
    return {name: methods[name] | parts.methods.get(name, {}) for name in parts.towers()}


def _towers(methods: dict[str, Methods], storage: str) -> dict[str, Any]:
    return {
        name: {"file": f"towers/{name}.pt", "dtype": "f32", "storage": storage, "methods": its}
        for name, its in methods.items()
    }


def _tokenizer(parts: PackageParts, merges: str) -> dict[str, Any]:
    tokenizer = parts.reference.tokenizer
    return {
        "kind": "clip_bpe",
        "files": {"merges": merges},
        "context": tokenizer.context_length,
        "overflow": "truncate",  # open_clip/tokenizer.py, SimpleTokenizer.__call__
        "start": tokenizer.sot_token_id,
        "end": tokenizer.eot_token_id,
        "pad": 0,
        "clean": "open_clip",
    }


def _tasks(parts: PackageParts) -> dict[str, Any]:
    """Without a text tower, classification with a class bank."""
    if parts.tasks is not None:
        return parts.tasks
    templates = "templates.json" if parts.text is not None else None
    heads = [{"type": "zero_shot", "templates": templates}]
    return {"classify": {"preprocess": "default", "heads": heads}}


def _reference(calls: list[Call], libraries: tuple[str, ...]) -> dict[str, Any]:
    recorded = [{"tower": call.tower, "method": call.method} for call in calls]
    return {
        "file": VECTORS,
        "tolerance": {"embedding": EMBEDDING_BOUND, "logit": LOGIT_BOUND},
        "versions": versions(libraries),
    } | ({"calls": recorded} if calls else {})


def package_manifest(parts: PackageParts, merges: str | None, pictures: list[str]) -> dict[str, Any]:
    """Everything but `files`."""
    has_text = parts.text is not None
    return {
        "format_version": 1,
        "name": parts.name,
        "family": parts.family,
        "embed_dim": parts.embed_dim,
        "activation": parts.activation,
        "preprocess": {"default": parts.preprocess} | parts.more_preprocesses,
        "tokenizer": _tokenizer(parts, merges) if has_text else None,
        "towers": _towers(_methods(parts), parts.storage),
        "text_pooling": "eot",
        "logit": {"scale": parts.reference.logit_scale, "bias": parts.reference.logit_bias},
        "probability": "softmax",
        "tasks": _tasks(parts),
        "extends": None,
        "licence": parts.licence,
        "provenance": parts.provenance,
        "reference": {
            "images": pictures,
            "texts": parts.texts if has_text else [],
        }
        | _reference(parts.calls, parts.reference.libraries),
    }


def extension_manifest(parts: ExtensionParts, base: Package) -> dict[str, Any]:
    """Everything but `files`."""
    methods = {name: block.methods for name, block in parts.blocks.items()}
    manifest = {
        "format_version": 1,
        "name": parts.name,
        "family": base.manifest["family"],
        "extends": {"name": base.manifest["name"], "digest": base.digest},
        "tasks": parts.tasks,
        "licence": parts.licence,
        "provenance": parts.provenance,
        "reference": _reference(parts.calls, parts.libraries),
    }
    if methods:
        manifest["towers"] = _towers(methods, parts.storage)
    if parts.preprocess:
        manifest["preprocess"] = parts.preprocess
    if parts.logit is not None:
        manifest["logit"] = {"scale": parts.logit[0], "bias": parts.logit[1]}
    return manifest


def to_json(value: Any) -> bytes:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()
