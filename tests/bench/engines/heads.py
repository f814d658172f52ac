"""Learned heads on ImageNet's 1,000 names: what their released code computes for an image, in
torch, eager.

job: {"artefacts": folder of head_artefacts.py, "input": file.npy, "threads": N}

The words are encoded before, where the released code can do that too.
"""

import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "models" / "export"))
sys.path.insert(0, str(ROOT / "tests" / "bench"))


def _start(job: dict, patch: int):
    """The towers, what was learned, the pixels."""
    import torch

    torch.set_num_threads(job["threads"])
    folder = Path(job["artefacts"])
    towers = torch.load(folder / f"{patch}.pth", weights_only=False)
    learned = torch.load(folder / "learned.pth", weights_only=False)
    return towers["image"], towers["text"], learned, torch.from_numpy(np.load(job["input"]))


def _prompts(template: str):
    """ids [K, 77] of all names, filled up with zeros as the released code does, and the ends."""
    import inputs
    from open_clip.tokenizer import SimpleTokenizer

    ids = SimpleTokenizer()([template.format(name) for name in inputs.class_names()])
    return ids, ids.argmax(dim=1)


def _in_chunks(encode, count: int):
    import torch

    return torch.cat([encode(slice(i, i + 50)) for i in range(0, count, 50)])


def _calling(forward):
    import torch

    def call():
        with torch.inference_mode():
            return forward()

    return call, lambda logits: logits.numpy()


def cocoop(job: dict):
    """Zhou et al. 2022 (arXiv:2203.05557): for each image every class is encoded, of 77 tokens."""
    import torch
    from torch.nn import functional as F

    image, text, learned, pixels = _start(job, 16)
    ids, eot = _prompts("X X X X {}.")
    with torch.inference_mode():
        embedded = text.embed(ids)  # [K, 77, width]

    def forward():
        features = F.normalize(image(pixels), dim=1)
        shifted = learned["context"] + learned["meta_net"](features)[:, None]  # [B, 4, width]
        logits = []
        for one, feature in zip(shifted, features, strict=True):
            context = one.expand(len(ids), -1, -1)
            prompts = torch.cat([embedded[:, :1], context, embedded[:, 5:]], dim=1)
            classes = F.normalize(text.forward_embedded(prompts, eot), dim=1)
            logits.append(100 * feature @ classes.T)
        return torch.stack(logits)

    return _calling(forward)


def maple(job: dict):
    """Khattak et al. 2023 (arXiv:2210.03117): prompts beside the patches of 9 layers."""
    import torch
    from torch.nn import functional as F

    image, text, learned, pixels = _start(job, 16)
    ids, eot = _prompts("X X of a {}.")
    with torch.inference_mode():
        classes = _in_chunks(
            lambda part: text.forward_prompted(
                text.embed(ids[part]), eot[part], learned["text_prompts"]
            ),
            len(ids),
        )
        classes = F.normalize(classes, dim=1)

    def forward():
        features = image.forward_prompted(pixels, learned["image_prompts"])
        return 100 * F.normalize(features, dim=1) @ classes.T

    return _calling(forward)


def tip(job: dict):
    """Zhang et al. 2022 (arXiv:2207.09519): affinities with 16,000 keys times one-hot labels."""
    import torch
    from head_artefacts import ALPHA, BETA
    from torch.nn import functional as F

    image, text, learned, pixels = _start(job, 32)
    ids, _ = _prompts("a photo of a {}.")
    with torch.inference_mode():
        classes = F.normalize(_in_chunks(lambda part: text(ids[part]), len(ids)), dim=1)
        keys, values = learned["keys"].T.contiguous(), F.one_hot(learned["classes"]).float()

    def forward():
        features = F.normalize(image(pixels), dim=1)
        cache = (BETA * (features @ keys - 1)).exp() @ values
        return 100 * features @ classes.T + ALPHA * cache

    return _calling(forward)


def tune(job: dict):
    """utils.py search_hp: 200 betas times 20 alphas, each from the features anew."""
    import torch
    from torch.nn import functional as F

    torch.set_num_threads(job["threads"])
    keys, key_classes, features, classes, words = (
        torch.from_numpy(np.load(job[name]))
        for name in ("keys", "key_classes", "features", "classes", "words")
    )
    keys, words, values = keys.T.contiguous(), words.T.contiguous(), F.one_hot(key_classes).float()

    def forward():
        best = (0.0, 0.0, 0.0)
        for beta in (0.1 + i * 6.9 / 200 for i in range(200)):
            for alpha in (0.1 + j * 2.9 / 20 for j in range(20)):
                votes = (beta * (features @ keys - 1)).exp() @ values
                logits = 100 * features @ words + alpha * votes
                right = (logits.argmax(1) == classes).float().mean().item()
                if right > best[2]:
                    best = (alpha, beta, right)
        return torch.tensor(best)

    return _calling(forward)
