"""The network that train_clip.py trains, and its way to the canonical towers."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glint_export.towers import ConvImageEncoder, TextConfig, TextTransformer

STEM = 24
WIDTHS = (64, 256, 256)
EMBED_DIM = 64
TEXT = TextConfig(
    vocab_size=49408, context_length=77, width=64, layers=3, heads=4, mlp_dim=256,
    embed_dim=EMBED_DIM, quick_gelu=True, eot=49407,
)  # fmt: skip
# Mean and standard deviation of the CIFAR-10 training photos, on values in [0, 1].
MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2470, 0.2435, 0.2616)
IMAGE_SIZE = 32


class TrainStage(nn.Module):
    """towers.conv.Stage with batch normalisation, whose scale stays 1 (its shift is learned)."""

    def __init__(self, channels: int, out: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out)
        self.norm1.weight.requires_grad_(False)
        self.norm2.weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.norm1(F.max_pool2d(self.conv1(x), 2)))
        return F.gelu(self.norm2(self.conv2(x)))


class TrainImageEncoder(nn.Module):
    """towers.ConvImageEncoder in its form for training."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, STEM, 2)
        self.stages = nn.Sequential(
            TrainStage(STEM, WIDTHS[0]),
            TrainStage(WIDTHS[0], WIDTHS[1]),
            TrainStage(WIDTHS[1], WIDTHS[2]),
        )
        self.proj = nn.Linear(WIDTHS[2], EMBED_DIM, bias=False)

    def whiten(self, photos: Tensor) -> None:
        """Sets the stem to the eigenvectors of 2x2 patches, both signs, at unit variance.

        photos [B, 3, S, S], normalised.
        """
        patches = F.unfold(photos, 2).transpose(1, 2).reshape(-1, 12)
        values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
        rows = (vectors / (values + 5e-4).sqrt()).T.reshape(12, 3, 2, 2)
        self.stem.weight.data = torch.cat([rows, -rows])
        self.stem.weight.requires_grad_(False)

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.stages(F.gelu(self.stem(pixels)))
        return self.proj(x.amax(dim=(2, 3)))

    def folded(self) -> ConvImageEncoder:
        """The canonical tower with every normalisation folded into its convolution.

        A maximum over pixels commutes with a positive scale and a shift, so the fold is exact
        across the pooling too.
        """
        tower = ConvImageEncoder(STEM, WIDTHS, EMBED_DIM)
        tower.stem.load_state_dict(self.stem.state_dict())
        tower.proj.load_state_dict(self.proj.state_dict())
        for trained, plain in zip(self.stages, tower.stages, strict=True):
            for conv, norm, out in (
                (trained.conv1, trained.norm1, plain.conv1),
                (trained.conv2, trained.norm2, plain.conv2),
            ):
                scale = norm.weight / (norm.running_var + norm.eps).sqrt()
                out.weight.data = conv.weight.data * scale.view(-1, 1, 1, 1)
                out.bias.data = norm.bias.data - norm.running_mean * scale
        return tower.eval()


class TinyClip(nn.Module):
    """Both towers and the logarithm of the logit scale."""

    def __init__(self):
        super().__init__()
        self.image = TrainImageEncoder()
        self.text = TextTransformer(TEXT)
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())
