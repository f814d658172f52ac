"""Writes adapter_checkpoints/ and adapter_checkpoints.json: what the released code of prompt
learners and adapters saves, and what it answers with that.

    python tests/golden/make_adapter_checkpoints.py DASSL COOP CLIP_ADAPTER TIP_ADAPTER MAPLE

The folders are checkouts of KaiyangZhou/Dassl.pytorch (c61a1b5), KaiyangZhou/CoOp (ff61507),
gaopengcuhk/CLIP-Adapter (08d07f8), gaopengcuhk/Tip-Adapter (d0e2d6f) and
muzairkhattak/multimodal-prompt-learning (69bce21).  Their own code saves every file:

  Dassl   dassl/utils/torchtools.py save_checkpoint on the state that dassl/engine/trainer.py
          save_model collects, with dassl/optim's SGD and warm-up after a step
  Tip-A.  utils.py build_cache_model, main.py run_tip_adapter_F

and computes every logit, on the small random CLIPs of make_adapters.py (packages/adapters.glint) and
make_prompts.py (packages/prompts.glint), whose learned numbers are replaced by drawn ones.  What
trained in half precision is saved so; all numbers are exact in it, so the answers, in f32, are those
of the files.
"""

import contextlib
import importlib
import json
import shutil
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import make_adapters  # noqa: E402
import make_prompts  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from make_adapters import ALPHA, BETA, CLASSES, NEW_CLASSES, RATIO, TEMPLATE  # noqa: E402
from official import load  # noqa: E402
from official_prompts import Learned, Sizes, config_of, draw_learned, draw_meta_net  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

CHECKPOINTS = HERE / "adapter_checkpoints"
ANSWERS = HERE / "adapter_checkpoints.json"
SHOTS = 2
HALF = torch.float16
# Of the released configurations, but for how many epochs there are.
OPTIM = types.SimpleNamespace(
    NAME="sgd", LR=0.002, WEIGHT_DECAY=5e-4, MOMENTUM=0.9, SGD_DAMPNING=0, SGD_NESTEROV=False,
    RMSPROP_ALPHA=0.99, ADAM_BETA1=0.9, ADAM_BETA2=0.999, STAGED_LR=False, NEW_LAYERS=(),
    BASE_LR_MULT=0.1, LR_SCHEDULER="cosine", STEPSIZE=(-1,), GAMMA=0.1, MAX_EPOCH=3,
    WARMUP_EPOCH=1, WARMUP_RECOUNT=True, WARMUP_TYPE="constant", WARMUP_CONS_LR=1e-5,
)  # fmt: skip


class Dassl:
    """Saves networks as its trainer does."""

    def __init__(self, folder: Path):
        schedulers = torch.optim.lr_scheduler
        modern = schedulers._LRScheduler

        class WithVerbose(modern):  # an argument that torch dropped
            def __init__(self, optimizer, last_epoch=-1, _verbose=False):
                super().__init__(optimizer, last_epoch)

        schedulers._LRScheduler = WithVerbose
        sys.path.insert(0, str(folder))
        self.tools = importlib.import_module("dassl.utils.torchtools")
        self.optim = importlib.import_module("dassl.optim")
        schedulers._LRScheduler = modern

    def save(self, network: nn.Module, folder: str, result=None, best=False, epochs=3) -> None:
        optimizer = self.optim.build_optimizer(network, OPTIM)
        scheduler = self.optim.build_lr_scheduler(optimizer, OPTIM)
        learned = {name: p.detach().clone() for name, p in network.named_parameters()}
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.grad = torch.zeros_like(parameter)
        optimizer.step()  # momentum buffers
        scheduler.step()
        for name, parameter in network.named_parameters():
            parameter.data.copy_(learned[name])
        state = {
            "state_dict": network.state_dict(),
            "epoch": epochs,
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
            "val_result": result,
        }
        with contextlib.redirect_stdout(None):
            self.tools.save_checkpoint(state, str(CHECKPOINTS / folder), is_best=best)


@dataclass
class Answers:
    """Case to classes and logits [B, K] of make_adapters' or make_prompts' pictures."""

    made: dict = field(default_factory=dict)

    def add(self, case: str, base: str, classes: list[str], logits: torch.Tensor) -> None:
        self.made[case] = {"base": base, "classes": classes, "logits": logits.tolist()}


class Drawn:
    """Numbers that half precision holds."""

    def __init__(self, seed: int):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=self.generator).to(HALF).float()


def save_coop(dassl: Dassl, world, draw: Drawn, answers: Answers) -> None:
    width = make_adapters.WIDTH
    cases = {
        "coop": (draw(4, width), "end", HALF),
        "coop_middle": (draw(5, width), "middle", torch.float32),
        "coop_own": (draw(len(CLASSES), 3, width), "front", HALF),
    }
    for name, (context, place, dtype) in cases.items():
        model = world.official.coop_model(world.clip, CLASSES, context, place)
        answers.add(name, "adapters", CLASSES, model(world.pixels))
        model.prompt_learner.to(dtype)
        dassl.save(model.prompt_learner, f"{name}/prompt_learner", result=np.float64(71.5))
        if context.ndim == 2:
            model = world.official.coop_model(world.clip, NEW_CLASSES, context, place)
            answers.add(f"{name}.new", "adapters", NEW_CLASSES, model(world.pixels))


def save_cocoop(dassl: Dassl, world, module, draw: Drawn, answers: Answers) -> None:
    sizes = Sizes(make_adapters.DIM, 0, 0, 0, 0, make_adapters.WIDTH, 0, 0, 0)
    context, network = draw(4, sizes.text_width), draw_meta_net(sizes, 2, draw.generator)
    cocoop = types.SimpleNamespace(N_CTX=4, CTX_INIT="", PREC="fp32")
    for end, names in {".new": NEW_CLASSES, "": CLASSES}.items():
        cfg = config_of(world.clip, COCOOP=cocoop)
        model = module.CustomCLIP(cfg, names, world.clip).eval()
        model.prompt_learner.ctx.data = context.clone()
        model.prompt_learner.meta_net = network
        answers.add(f"cocoop{end}", "adapters", names, model(world.pixels))
    model.prompt_learner.to(HALF)
    dassl.save(model.prompt_learner, "cocoop/prompt_learner")


def save_clip_adapter(dassl: Dassl, world, draw: Drawn, answers: Answers) -> None:
    dim = make_adapters.DIM
    weights = world.official.tip_utils.clip_classifier(CLASSES, [TEMPLATE], world.clip)
    dataset = types.SimpleNamespace(DATASET=types.SimpleNamespace(NAME="ImageNet"))
    model = world.official.clip_adapter.CustomCLIP(dataset, CLASSES, world.clip)
    model.adapter = world.official.adapter(draw(dim // 4, dim), draw(dim, dim // 4))
    model.text_encoder = nn.Identity()
    model.text_encoder.forward = lambda: weights.T
    answers.add("clip_adapter", "adapters", CLASSES, model(world.pixels))
    dassl.save(model.adapter, "clip_adapter/clip_adapter", result=82.25, best=True)


def save_tip_adapter(world, draw: Drawn, answers: Answers) -> None:
    """The last class has no shots, so the one-hot values are too narrow for the class list."""
    official, folder = world.official, CHECKPOINTS / "tip_adapter"
    folder.mkdir()
    labels = torch.tensor([0, 3, 1, 2, 4, 5, 4, 0])
    noisy = world.pixels + 0.1 * draw(*world.pixels.shape)
    loader = [(world.pixels, labels), (noisy, labels.roll(3))]
    clip = types.SimpleNamespace(
        encode_image=lambda pixels: world.clip.encode_image(pixels).to(HALF), dtype=HALF
    )
    features = F.normalize(world.images, dim=1)
    weights = official.tip_utils.clip_classifier(CLASSES, [TEMPLATE], world.clip)
    cfg = {
        "load_cache": False, "augment_epoch": 1, "cache_dir": str(folder), "shots": SHOTS,
        "lr": 0.001, "train_epoch": 2, "init_alpha": ALPHA, "init_beta": BETA,
        "search_hp": True, "search_scale": [7, 3], "search_step": [2, 2],
    }  # fmt: skip
    # Its own count of what is right does not run with today's numpy.
    official.tip.cls_acc = lambda scores, labels: float((scores.argmax(1) == labels).sum())
    official.tip_utils.cls_acc = official.tip.cls_acc
    with contextlib.redirect_stdout(None):
        keys, values = official.tip_utils.build_cache_model(cfg, clip, loader)
        untrained = keys.T.clone()  # training works in place
        wide = F.one_hot(values.argmax(1), len(CLASSES)).to(HALF)
        evaluated = (features.to(HALF), labels)
        with torch.enable_grad():
            official.tip.run_tip_adapter_F(
                cfg, keys, wide, *evaluated, *evaluated, weights.to(HALF), clip, loader
            )
    trained = torch.load(folder / f"best_F_{SHOTS}shots.pt").detach()
    for name, one in {"tip_adapter": untrained, "tip_adapter_f": trained}.items():
        logits = official.tip_logits(one.float(), values.argmax(1), features, weights)
        answers.add(name, "adapters", CLASSES, logits)


def rounded(learned: Learned) -> Learned:
    """In half precision; MaPLe's image prompts are made anew."""
    for layer in learned.projections:
        layer.to(HALF).float()
    text, image = learned.text.to(HALF).float(), learned.image.to(HALF).float()
    if learned.projections:
        pairs = zip(learned.projections, text, strict=True)
        image = torch.stack([layer(prompt) for layer, prompt in pairs])
    return Learned(text, image, learned.projections)


def save_prompts(dassl: Dassl, maple: Path, coop: Path, draw: Drawn, answers: Answers) -> None:
    """Whole models; the released code keeps the deeper prompts and their projections in f32."""
    world = make_prompts.World(coop, maple)
    folders = {
        "maple": ("maple_2", "MultiModalPromptLearner"),
        "ivlp": ("ivlp", "VLPromptLearner"),
        "vpt": ("vpt", "prompt_learner"),
    }
    for name, (case_name, folder) in folders.items():
        case = make_prompts.CASES[case_name]
        learned = rounded(draw_learned(world.sizes, case, draw.generator))
        for end, names in {".new": NEW_CLASSES, "": CLASSES}.items():
            model = world.official.prompted(world.sizes, world.clip, case, learned, names)
            answers.add(f"{name}{end}", "prompts", names, model(world.pixels))
        for key, parameter in model.named_parameters():
            parameter.requires_grad_("prompt_learner" in key or "VPT" in key)
            if "compound" not in key:
                parameter.data = parameter.data.to(HALF)
        for buffer in model.buffers():
            buffer.data = buffer.data.to(HALF)
        dassl.save(model, f"{name}/{folder}", epochs=5)


@torch.no_grad()
def main() -> None:
    if len(sys.argv) != 6:
        sys.exit("expected the folders of Dassl, CoOp, CLIP-Adapter, Tip-Adapter and MaPLe")
    dassl_folder, coop, clip_adapter, tip_adapter, maple = map(Path, sys.argv[1:])
    torch.set_num_threads(1)  # one order of summation, so the same bytes again
    shutil.rmtree(CHECKPOINTS, ignore_errors=True)
    CHECKPOINTS.mkdir()
    dassl, draw, answers = Dassl(dassl_folder), Drawn(21), Answers()
    world = make_adapters.World([coop, clip_adapter, tip_adapter])
    cocoop = load(coop / "trainers" / "cocoop.py")
    save_tip_adapter(world, draw, answers)
    save_coop(dassl, world, draw, answers)
    save_cocoop(dassl, world, cocoop, draw, answers)
    save_clip_adapter(dassl, world, draw, answers)
    for name in [n for n in sys.modules if n.split(".")[0] == "clip"]:
        del sys.modules[name]  # MaPLe brings a package of the same name
    save_prompts(dassl, maple, coop, draw, answers)
    ratios = {"ratio": RATIO, "alpha": ALPHA, "beta": BETA, "template": TEMPLATE}
    made = ratios | {"words": make_prompts.INIT, "cases": answers.made}
    ANSWERS.write_text(json.dumps(made, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
