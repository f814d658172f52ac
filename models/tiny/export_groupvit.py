"""Turns a checkpoint of train_groupvit.py into a package, with the text tower of another.

    python models/tiny/export_groupvit.py --checkpoint build/tiny-groupvit/checkpoint.pt \\
        --text models/tiny-clip.glint --out models/tiny-groupvit.glint

The reference of the package is the plain Python towers with the weights rounded to f16, and
pictures that are drawn.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "export")]

import torch  # noqa: E402
from bases import load_base  # noqa: E402
from glint_export import PackageParts, Reference, groupvit  # noqa: E402
from glint_export.checkpoint import load_strictly, round_to_half  # noqa: E402
from glint_export.groupvit_reference import steady_of  # noqa: E402
from glint_export.preprocess import to_manifest  # noqa: E402
from groupvit_net import GROUPVIT, SIDE, TinyGroupVit  # noqa: E402
from net import MEAN, STD, TEXT  # noqa: E402
from open_clip.tokenizer import SimpleTokenizer, default_bpe  # noqa: E402
from open_clip.transform import PreprocessCfg, image_transform_v2  # noqa: E402
from tiny_parts import LICENCE, export_command, exporter  # noqa: E402
from torch import nn  # noqa: E402

CLASSIFIED = 48  # pixels a side of a picture that shows one thing alone
SCENE = 96  # pixels of a scene's shorter side; a window has SIDE of them


def tasks(threshold: float) -> dict:
    made = groupvit.tasks(GROUPVIT, groupvit.Background(threshold=threshold))
    made["segment"]["heads"][0]["parameters"] |= {
        "short_side": SCENE,
        "long_side": 2048 * SCENE // 448,
        "crop_size": SIDE,
        "stride": SIDE // 2,
    }
    return made


def reference_of(image: TinyGroupVit, text: nn.Module, scale: float) -> Reference:
    return Reference(
        pixels=image_transform_v2(PreprocessCfg(CLASSIFIED, mean=MEAN, std=STD), is_train=False),
        tokenizer=SimpleTokenizer(context_length=TEXT.context_length),
        image=image,
        text=text,
        logit_scale=scale,
        logit_bias=0.0,
        steady=steady_of(image.groups),
    )


def parts_of(checkpoint: Path, text: Path) -> PackageParts:
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    image = TinyGroupVit()
    load_strictly(image, content["tower"], checkpoint.name)
    round_to_half(image.eval())
    base = load_base(text)
    scale = float(content["log_scale"].exp().clamp(max=100))
    reference = reference_of(image, base.text, scale)
    preprocess = to_manifest(PreprocessCfg(CLASSIFIED, mean=MEAN, std=STD))
    recorded, checked = groupvit.calls(image.groups, GROUPVIT)
    return PackageParts(
        name="tiny-groupvit",
        image=image,
        text=base.text,
        text_width=TEXT.width,
        embed_dim=GROUPVIT.embed_dim,
        activation="gelu",
        preprocess=preprocess,
        merges=Path(default_bpe()).read_bytes(),
        reference=reference,
        licence=LICENCE,
        provenance={
            "weights": f"models/tiny/train_groupvit.py; text tower of {base.name}",
            "exporter": exporter("export_groupvit.py"),
            "step": str(content["step"]),
            "held_out_miou": f"{content['miou']:.4f}",
            "text_activation": "quick_gelu",
        },
        storage="f16",
        family="groupvit",
        pictures=groupvit.drawn(reference.steady, preprocess),
        more_templates={groupvit.SEGMENT_FILE: list(groupvit.SEGMENT_TEMPLATES)},
        more_preprocesses={"segment": groupvit.segment_preprocess(SCENE, list(MEAN), list(STD))},
        methods={"image": groupvit.image_methods(GROUPVIT)},
        tasks=tasks(content["threshold"]),
        calls=recorded,
        checked=checked,
    )


if __name__ == "__main__":
    sys.exit(export_command(__doc__, parts_of))
