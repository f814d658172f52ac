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
        x = embeddings + self.positional_embedding[: embeddings.shape[1]]
        return self.pool(self.transformer(x, True), eot)

    def pool(self, x: Tensor, eot: Tensor) -> Tensor:
        """x [B, L, width] behind the last block -> [B, D]."""
        batch, _, width = x.shape
        # LayerNorm works on each token alone, so it may follow the pick of the end token.
        pooled = x.gather(1, eot.view(batch, 1, 1).expand(batch, 1, width)).squeeze(1)
        return self.ln_final(pooled) @ self.text_projection

    @torch.jit.export
    def forward_prompted(self, embeddings: Tensor, eot: Tensor, prompts: Tensor) -> Tensor:
        """forward_embedded with prompts [P, N, width] for the first P blocks, P <= layers.

        They are the N tokens behind the start token: before block i these become prompts[i], and
        the first ones get positions.  Khattak et al. 2023 (arXiv:2210.03117), clip/model.py of
        multimodal-prompt-learning.
        """
        behind = 1 + prompts.shape[1]
        shallow = prompts[0].expand(embeddings.shape[0], -1, -1)
        x = torch.cat([embeddings[:, :1], shallow, embeddings[:, behind:]], dim=1)
        x = x + self.positional_embedding[: x.shape[1]]
        for i, block in enumerate(self.transformer.resblocks):
            if 0 < i and i < prompts.shape[0]:
                deep = prompts[i].expand(x.shape[0], -1, -1)
                x = torch.cat([x[:, :1], deep, x[:, behind:]], dim=1)
            x = block(x, True)
        return self.pool(x, eot)

    @torch.jit.export
    def encode_prefix(self, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        """First tokens [B, P, width] -> their keys and values [B, layers, heads, P, head_dim]."""
        x = embeddings + self.positional_embedding[: embeddings.shape[1]]
        keys: list[Tensor] = []
        values: list[Tensor] = []
        for block in self.transformer.resblocks:
            x, k, v = block.begin(x)
            keys.append(k)
            values.append(v)
        return torch.stack(keys, dim=1), torch.stack(values, dim=1)

    @torch.jit.export
    def forward_suffix(
        self, embeddings: Tensor, eot: Tensor, keys: Tensor, values: Tensor
    ) -> Tensor:
        """forward_embedded of texts that begin with the same P tokens, from what follows these.

        embeddings [B, S, width], eot [B] i64 places in them, keys and values
        [layers, heads, P, head_dim] of encode_prefix -> [B, D].
        """
        behind, length = keys.shape[2], embeddings.shape[1]
        x = embeddings + self.positional_embedding[behind : behind + length]
        mask = x.new_ones([length, behind + length]).tril(behind) > 0  # [S, P + S]
        for i, block in enumerate(self.transformer.resblocks):
            x = block.resume(x, keys[i], values[i], mask)
        return self.pool(x, eot)

    def forward(self, ids: Tensor) -> Tensor:
        """ids [B, L] i64, each row with an end token -> [B, D], un-normalised."""
        # First end token: the number of positions before any end token was seen.
        eot = ((ids == self.eot).cumsum(1) == 0).sum(1)
        return self.forward_embedded(self.embed(ids), eot)
