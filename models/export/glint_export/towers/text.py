"""The causal text transformer of CLIP (Radford et al. 2021, arXiv:2103.00020; clip/model.py)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .transformer import Transformer


@dataclass(frozen=True)
class TextConfig:
    """Sizes of a causal text tower.  `eot` is the token id whose first position is pooled."""

    vocab_size: int
    context_length: int
    width: int
    layers: int
    heads: int
    mlp_dim: int
    embed_dim: int
    quick_gelu: bool
    eot: int


class TextTransformer(nn.Module):
    """Token ids, or token embeddings, to one un-normalised embedding a text.

    The mask is causal, so nothing after the end token reaches the pooled position: any length
    from the end token to the context gives the same embedding.
    """

    def __init__(self, config: TextConfig):
        super().__init__()
        self.eot = config.eot
        self.token_embedding = nn.Embedding(config.vocab_size, config.width)
        self.positional_embedding = nn.Parameter(torch.empty(config.context_length, config.width))
        self.transformer = Transformer(
            config.width, config.layers, config.heads, config.mlp_dim, config.quick_gelu
        )
        self.ln_final = nn.LayerNorm(config.width)
        self.text_projection = nn.Parameter(torch.empty(config.width, config.embed_dim))
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.positional_embedding, std=0.01)
        nn.init.normal_(self.text_projection, std=config.width**-0.5)

    @torch.jit.export
    def embed(self, ids: Tensor) -> Tensor:
        """ids [B, L] i64 -> token embeddings [B, L, width], positions not added."""
        return self.token_embedding(ids)

    @torch.jit.export
    def forward_embedded(self, embeddings: Tensor, eot: Tensor) -> Tensor:
        """embeddings [B, L, width], eot [B] i64 positions -> [B, D], un-normalised."""
        batch, length, width = embeddings.shape
        x = embeddings + self.positional_embedding[:length]
        x = self.transformer(x, True)  # [B, L, width]
        # LayerNorm works on each token alone, so it may follow the pick of the end token.
        pooled = x.gather(1, eot.view(batch, 1, 1).expand(batch, 1, width)).squeeze(1)
        return self.ln_final(pooled) @ self.text_projection

    def forward(self, ids: Tensor) -> Tensor:
        """ids [B, L] i64, each row with an end token -> [B, D], un-normalised."""
        # First end token: the number of positions before any end token was seen.
        eot = ((ids == self.eot).cumsum(1) == 0).sum(1)
        return self.forward_embedded(self.embed(ids), eot)
