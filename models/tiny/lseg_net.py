"""The image tower of tiny-lseg, in its form for training."""

import torch
from glint_export.towers import LsegConvConfig, LsegImage
from glint_export.towers.resnet import BatchNorm
from net import EMBED_DIM, STEM, WIDTHS
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 64  # pixels of a training scene
LSEG = LsegConvConfig(stem=STEM, widths=WIDTHS, features=48, embed_dim=EMBED_DIM)
SCALE = 1 / 0.07  # of the cosines, as in the released code


class TrainLseg(LsegImage):
    """LsegImage that learns; its state dict, `num_batches_tracked` left out, is the tower's."""

    def __init__(self):
        super().__init__(LSEG)
        for module in list(self.modules()):
            for name, child in module.named_children():
                if isinstance(child, BatchNorm):
                    setattr(module, name, nn.BatchNorm2d(len(child.weight)))

    def start_from(self, clip: nn.Module) -> None:
        """The convolutions of tiny-clip's image tower but the last one."""
        state = {
            name.replace("stages.2.conv1.", "last."): tensor
            for name, tensor in clip.state_dict().items()
            if not name.startswith(("stages.2.conv2.", "proj."))
        }
        self.backbone.load_state_dict(state)

    def tower(self) -> LsegImage:
        made = LsegImage(LSEG)
        state = self.state_dict()
        made.load_state_dict({name: state[name] for name in made.state_dict()})
        return made.eval()


def planes(pixel_map: Tensor, words: Tensor) -> Tensor:
    """Logits [B, K, H, W] of unit embeddings [B, D, H / 2, W / 2] and of words [K, D]."""
    logits = SCALE * torch.einsum("bdyx,kd->bkyx", pixel_map, words)
    return F.interpolate(logits, scale_factor=2.0, mode="bilinear", align_corners=True)
