"""Writes packages/prompts.glint and prompts.json: CoCoOp and MaPLe, and what the released code
answers.

    python tests/golden/make_prompts.py COOP MAPLE

The folders are checkouts of KaiyangZhou/CoOp (ff61507) and muzairkhattak/multimodal-prompt-learning
(69bce21).  Their own classes compute every number of prompts.json, on a small random CLIP of the
latter's `clip` package whose two towers differ in width:

  cocoop*   trainers/cocoop.py CustomCLIP
  maple*    trainers/maple.py CustomCLIP; the widths 512 and 768 are written out there, so prompts
            and projections of this small CLIP's take their place
  ivlp*     trainers/independentVL.py CustomCLIP
  vpt       trainers/vpt.py CustomCLIP

Everything is f32: the `.half()` of the released blocks does nothing here, because it would round
the prompts of an f32 run.

`imagenet_lengths` counts ImageNet's 1,000 names, as open_clip has them, by the ids of "name." and
the end token in the published vocabulary.

Last, towers of the true shape (ViT-B/16) are compared with the released ones, and the largest
difference over the largest value is printed.
"""

import io
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "models" / "export"))
sys.path.insert(0, str(HERE))

import torch  # noqa: E402
from glint_export import Reference, write_package  # noqa: E402
from glint_export.parts import Block, Call, PackageParts, method, port  # noqa: E402
from glint_export.preprocess import to_manifest  # noqa: E402
from official import CONTEXT, PATCH, SIDE, pictures, randomise, vocabulary  # noqa: E402
from official_prompts import (  # noqa: E402
    Case,
    Official,
    Sizes,
    draw_learned,
    draw_meta_net,
    image_features,
    text_features,
)
from open_clip import IMAGENET_CLASSNAMES  # noqa: E402
from open_clip.tokenizer import SimpleTokenizer  # noqa: E402
from open_clip.transform import PreprocessCfg, image_transform_v2  # noqa: E402
from PIL import Image  # noqa: E402
from torch.nn import functional as F  # noqa: E402

PACKAGE = HERE / "packages" / "prompts.glint"
ANSWERS = HERE / "prompts.json"
SEED = 7
CLASSES = ["cat", "white horse", "crane (bird)", "maillot (tank)", "ship", "traffic light", "café"]
NEW_CLASSES = ["polar_bear", "stop sign (red)", "hen"]
INIT = "on the of a"  # an id each in this vocabulary
CASES = {
    "maple_1": Case("maple", (1, 1), (1, 1)),
    "maple_2": Case("maple", (2, 2), (2, 2), INIT),
    "maple_4": Case("maple", (4, 3), (4, 3)),
    "ivlp": Case("ivlp", (2, 3), (4, 2), INIT),
    "ivlp_text": Case("ivlp", (4, 2), (0, 0)),
    "vpt": Case("vpt", (0, 0), (2, 3), "a photo of a"),
}


class World:
    def __init__(self, coop: Path, maple: Path):
        self.merges = vocabulary()
        with tempfile.NamedTemporaryFile(suffix=".gz") as file:
            file.write(self.merges)
            file.flush()
            self.official = Official(coop, maple, file.name)
            self.tokenizer = SimpleTokenizer(bpe_path=file.name, context_length=CONTEXT)
        generator = torch.Generator().manual_seed(SEED)
        self.sizes = Sizes(8, SIDE, PATCH, 24, 3, 16, 2, 3, self.tokenizer.vocab_size)
        self.clip = randomise(self.official.build(self.sizes, "cocoop"), {16, 24}, generator)
        self.transform = image_transform_v2(PreprocessCfg(size=SIDE), is_train=False)
        self.pixels = torch.stack(
            [self.transform(Image.open(io.BytesIO(data))) for data in pictures().values()]
        )
        self.meta_net = draw_meta_net(self.sizes, 5, generator)
        width = self.sizes.text_width
        self.contexts = {
            "cocoop": torch.randn(4, width, generator=generator),
            "cocoop_one": torch.randn(1, width, generator=generator),
        }
        self.learned = {
            name: draw_learned(self.sizes, case, generator) for name, case in CASES.items()
        }

    def tensors(self) -> dict[str, dict[str, torch.Tensor]]:
        tensors = {name: {"context": context} for name, context in self.contexts.items()}
        tensors |= {name: learned.tensors() for name, learned in self.learned.items()}
        return {f"tensors/{name}.safetensors": one for name, one in tensors.items()}


def tasks(world: World) -> dict:
    def task(kind: str, name: str, **parameters) -> dict:
        head = {"type": kind, "tensors": f"tensors/{name}.safetensors", "parameters": parameters}
        return {"preprocess": "default", "heads": [head]}

    zero_shot = {"type": "zero_shot", "templates": "templates.json"}
    return (
        {"classify": {"preprocess": "default", "heads": [zero_shot]}}
        | {name: task("cocoop", name) for name in world.contexts}
        | {name: task("maple", name, template=case.template()) for name, case in CASES.items()}
    )


def answers(world: World) -> dict:
    """task -> logits [B, K]; of prompted towers also the image embeddings and the text rows."""
    official = world.official
    made: dict = {"logits": {}, "images": {}, "texts": {}}
    for end, names in {"": CLASSES, ".new": NEW_CLASSES}.items():
        for name, context in world.contexts.items():
            model = official.cocoop(world.clip, names, context, world.meta_net)
            made["logits"][name + end] = model(world.pixels).tolist()
        for name, case in CASES.items():
            model = official.prompted(world.sizes, world.clip, case, world.learned[name], names)
            made["logits"][name + end] = model(world.pixels).tolist()
            made["texts"][name + end] = F.normalize(text_features(model), dim=1).tolist()
            made["images"][name] = image_features(model, world.pixels).tolist()
    return made


def calls(world: World) -> list[Call]:
    """By the released modules: the meta-net, and a prompted image tower."""
    generator = torch.Generator().manual_seed(SEED + 1)
    embedding = torch.randn(3, world.sizes.embed_dim, generator=generator)
    case, learned = CASES["maple_4"], world.learned["maple_4"]
    model = world.official.prompted(world.sizes, world.clip, case, learned, CLASSES)
    pixels = world.pixels[:3].clone()
    prompted = {"pixels": pixels, "prompts": learned.image}
    shift = {"shift": world.meta_net(embedding)}
    return [
        Call("meta_net", "forward", {"embedding": embedding}, shift),
        Call("image", "forward_prompted", prompted, {"embedding": image_features(model, pixels)}),
    ]


def meta_net_of(world: World) -> Block:
    embedding = port("embedding", "f32", "B", world.sizes.embed_dim)
    shift = port("shift", "f32", "B", world.sizes.text_width)
    return Block(world.meta_net, {"forward": method([embedding], shift)})


def parts_of(world: World) -> PackageParts:
    image, text = world.sizes.towers(world.clip, world.tokenizer.eot_token_id)
    return PackageParts(
        name="prompts",
        image=image,
        text=text,
        text_width=world.sizes.text_width,
        embed_dim=world.sizes.embed_dim,
        activation="quick_gelu",
        preprocess=to_manifest(PreprocessCfg(size=SIDE)),
        merges=world.merges,
        reference=Reference(
            pixels=world.transform,
            tokenizer=world.tokenizer,
            image=world.clip.encode_image,
            text=world.clip.encode_text,
            logit_scale=100.0,
            logit_bias=0.0,
        ),
        licence="Apache-2.0 (random weights, never trained)",
        provenance={"weights": f"random, seed {SEED}", "exporter": "tests/golden/make_prompts.py"},
        storage="f16",
        templates=["a photo of a {}."],
        pictures=pictures(),
        texts=["a cat.", "crane (bird)."],
        blocks={"meta_net": meta_net_of(world)},
        tasks=tasks(world),
        tensors=world.tensors(),
        calls=calls(world),
    )


def imagenet_lengths() -> dict[str, int]:
    tokenizer = SimpleTokenizer()
    ids = [tokenizer.encode(name.replace("_", " ") + ".") for name in IMAGENET_CLASSNAMES]
    counts = Counter(len(one) + 1 for one in ids)
    return {str(length): counts[length] for length in sorted(counts)}


def apart(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


def true_shape(world: World) -> dict[str, float]:
    """ViT-B/16: our towers against the released modules, largest difference over largest value."""
    generator = torch.Generator().manual_seed(SEED + 2)
    sizes = Sizes(512, 224, 16, 768, 12, 512, 8, 12, world.sizes.vocabulary)
    clip = randomise(world.official.build(sizes, "cocoop"), {512, 768}, generator)
    image, text = sizes.towers(clip, world.tokenizer.eot_token_id)
    pixels = torch.randn(3, 3, 224, 224, generator=generator)
    case = Case("maple", (2, 9), (2, 9))
    learned = draw_learned(sizes, case, generator)
    model = world.official.prompted(sizes, clip, case, learned, CLASSES)
    eot = model.tokenized_prompts.argmax(dim=1)
    embedded = text.embed(model.tokenized_prompts)[:, : int(eot.max()) + 1]
    differences = {
        "maple image": apart(
            image.forward_prompted(pixels, learned.image), image_features(model, pixels)
        ),
        "maple text": apart(
            text.forward_prompted(embedded, eot, learned.text), text_features(model)
        ),
    }
    context = torch.randn(4, 512, generator=generator)
    network = draw_meta_net(sizes, 32, generator)
    model = world.official.cocoop(clip, CLASSES, context, network)
    units = F.normalize(clip.encode_image(pixels), dim=1)
    prompts = model.prompt_learner(units)  # [B, K, 77, width]
    eot = model.tokenized_prompts.argmax(dim=1)
    for i, theirs in enumerate(prompts):
        keys, values = text.encode_prefix(theirs[:1, :5])
        suffix = theirs[:, 5 : int(eot.max()) + 1]
        ours = text.forward_suffix(suffix, eot - 5, keys[0], values[0])
        differences[f"cocoop text {i}"] = apart(
            ours, model.text_encoder(theirs, model.tokenized_prompts)
        )
    return differences


@torch.no_grad()
def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("expected the folders of CoOp and of multimodal-prompt-learning")
    torch.set_num_threads(1)  # one order of summation, so the same bytes again
    world = World(*(Path(folder) for folder in sys.argv[1:]))
    write_package(PACKAGE, parts_of(world), force=PACKAGE.exists())
    made = {"classes": CLASSES, "new_classes": NEW_CLASSES} | answers(world)
    made["imagenet_lengths"] = imagenet_lengths()
    ANSWERS.write_text(json.dumps(made, ensure_ascii=False) + "\n")
    for what, difference in true_shape(world).items():
        print(f"ViT-B/16, {what}: {difference:.1e}")


if __name__ == "__main__":
    main()
