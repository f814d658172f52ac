"""The reference implementation of GroupViT's towers: transformers' GroupViTModel."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from transformers import GroupViTConfig, GroupViTModel

from .checkpoint import load_strictly
from .groupvit_names import to_hf
from .towers import GroupVitConfig, TextConfig

Groups = Callable[[Tensor], tuple[Tensor, Tensor, Tensor, Tensor]]  # towers/groupvit.py, groups

_STEADY = 2e-4  # difference of the two largest scores of a choice that no rounding makes up for


def _hf_config(image: GroupVitConfig, text: TextConfig) -> GroupViTConfig:
    vision = {
        "hidden_size": image.width,
        "intermediate_size": image.mlp_dim,
        "num_hidden_layers": sum(image.depths),
        "depths": list(image.depths),
        "num_group_tokens": [*image.group_tokens, 0],
        "num_output_groups": [*image.groups, 0],
        "num_attention_heads": image.heads,
        "image_size": image.image_size,
        "patch_size": image.patch_size,
        "assign_mlp_ratio": [image.token_dims[0] / image.width, image.channel_dim / image.width],
    }
    words = {
        "vocab_size": text.vocab_size,
        "hidden_size": text.width,
        "intermediate_size": text.mlp_dim,
        "num_hidden_layers": text.layers,
        "num_attention_heads": text.heads,
        "max_position_embeddings": text.context_length,
        "hidden_act": "quick_gelu" if text.quick_gelu else "gelu",
        "bos_token_id": text.eot - 1,
        "eos_token_id": text.eot,
    }
    return GroupViTConfig(
        vision_config=vision,
        text_config=words,
        projection_dim=image.embed_dim,
        projection_intermediate_dim=image.projector_dim,
    )


class Model:
    """transformers' GroupViTModel with the weights of our towers, for pixels of any size."""

    def __init__(
        self, towers: dict[str, nn.Module | None], image: GroupVitConfig, text: TextConfig
    ):
        """towers: "image" and "text"; without the latter, text() is not to be asked."""
        self.hf = GroupViTModel(_hf_config(image, text)).eval()
        state = to_hf({name: tower for name, tower in towers.items() if tower is not None})
        for name, tensor in self.hf.state_dict().items():
            counts = name.endswith("num_batches_tracked") or name == "logit_scale"
            if counts or (towers["text"] is None and name.startswith("text_")):
                state[name] = tensor
        load_strictly(self.hf, state, "the towers, in GroupViTModel")

    def groups(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As towers/groupvit.py, GroupVit.groups."""
        vision = self.hf.vision_model
        x = vision.embeddings(pixels, interpolate_pos_encoding=True)
        out = vision.encoder(x, output_attentions=True, return_dict=True)
        groups = vision.layernorm(out.last_hidden_state)
        flat = self.hf.visual_projection(groups.flatten(0, 1))
        embedding = self.hf.visual_projection(groups.mean(dim=1))
        return embedding, flat.unflatten(0, groups.shape[:2]), *out.attentions

    def image(self, pixels: Tensor) -> Tensor:
        return self.groups(pixels)[0]

    def text(self, ids: Tensor) -> Tensor:
        return self.hf.get_text_features(ids).pooler_output


def steady_of(groups: Groups) -> Callable[[Tensor], Tensor]:
    """Pixels -> [B] bool: no token chooses its group by a difference that rounding could turn."""

    @torch.no_grad()
    def steady(pixels: Tensor) -> Tensor:
        out = []
        for soft in groups(pixels)[2:]:
            best = soft.topk(2, dim=1).values.log()  # [B, 2, tokens]
            out.append((best[:, 0] - best[:, 1]).amin(dim=1) > _STEADY)
        return out[0] & out[1]

    return steady
