"""The image tower of tiny-vit, and the classes whose photos it was trained on."""

import captions
from net import EMBED_DIM, IMAGE_SIZE

from glint_export.towers import VitConfig

VIT = VitConfig(
    image_size=IMAGE_SIZE, patch_size=4, width=96, layers=4, heads=3, mlp_dim=384,
    embed_dim=EMBED_DIM, quick_gelu=True,
)  # fmt: skip
# Every other one, so that animals and vehicles are on both sides.
SEEN = captions.CLASSES[::2]  # airplane, bird, deer, frog, ship
