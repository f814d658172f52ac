"""Image towers of heads in a form that every engine takes: pixels in, one tensor out."""

from torch import Tensor, nn

MAPLE, LSEG = "maple-tower", "lseg-tower"


class Prompted(nn.Module):
    """MaPLe's image tower with its learned prompts inside."""

    def __init__(self, tower: nn.Module, prompts: Tensor):
        super().__init__()
        self.tower = tower
        self.register_buffer("prompts", prompts)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.tower.forward_prompted(pixels, self.prompts)
