"""Random weights in a trained model's shape, for tests and benchmarks.

Every parameter is drawn, norms and biases too, so that no mistake hides behind a one or a zero.
The spreads keep activations near unit variance through any number of layers.
"""

import math

import torch
from torch import nn

# Parameters that are not "weight of a matrix" or "bias": (mean, spread) by the end of their name.
_BY_NAME = {
    "class_embedding": (0.0, 0.5),
    "positional_embedding": (0.0, 0.5),
    "group_token0": (0.0, 0.5),
    "group_token1": (0.0, 0.5),
    "token_embedding.weight": (0.0, 0.5),
    "logit_scale": (math.log(50), 0.3),
    "logit_bias": (0.0, 1.0),
}


def _spread(name: str, weight: torch.Tensor, layers: int) -> tuple[float, float]:
    for end, spread in _BY_NAME.items():
        if name.endswith(end):
            return spread
    if name.endswith("bias"):
        return 0.0, 0.1
    if ".layer" in name and name.endswith("bn3.weight"):  # the end of a residual branch
        return (0.25 * layers) ** -0.5, 0.1 * layers**-0.5
    if weight.ndim == 1:  # a norm's scale
        return 1.0, 0.2
    # Projections onto the embedding are stored [in, out], all other matrices [out, in, ...].
    stored_in_first = name.endswith(("visual.proj", "text_projection"))
    fan_in = weight.shape[0] if stored_in_first else weight[0].numel()
    gain = (2 * layers) ** -0.5 if name.endswith(("out_proj.weight", "c_proj.weight")) else 1.0
    return 0.0, gain * fan_in**-0.5


@torch.no_grad()
def randomise(model: nn.Module, seed: int, layers: int) -> None:
    """Draws all parameters of an open_clip CLIP or a tower, and the statistics of its batch norms.

    `layers` is the depth of the deeper tower, in residual blocks.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        mean, spread = _spread(name, weight, layers)
        weight.normal_(mean, spread, generator=generator)
    for name, statistic in model.named_buffers():
        if name.endswith("running_mean"):
            statistic.normal_(0.0, 0.2, generator=generator)
        elif name.endswith("running_var"):
            statistic.uniform_(0.5, 2.0, generator=generator)
