// What the passes around attention do to a graph, and that its values stay.
#include "graphs.h"

namespace glint {
namespace {

class AttentionPassesTest : public ::testing::TestWithParam<Case> {};

TEST_P(AttentionPassesTest, ChangesTheGraphAndNotTheValues) { expect_passes(GetParam()); }

INSTANTIATE_TEST_SUITE_P(
    Graphs, AttentionPassesTest,
    ::testing::Values(
        Case{"attention",
             "  return torch.scaled_dot_product_attention(x, x, x * 2)\n",
             {1, 3, 21, 8},
             {"pack_attention"},
             {{"glint::attention", 1}}},
        Case{"causal_attention_of_a_view",
             "  y = x.transpose(1, 2)\n"
             "  return torch.scaled_dot_product_attention(y, y, y, None, 0.0, True, scale=0.3)\n",
             {1, 21, 3, 8},
             {"pack_attention"},
             {{"glint::attention", 1}}},
        Case{"attention_over_other_tokens",
             "  y = x[:, :, :4]\n  return torch.scaled_dot_product_attention(x, y, y)\n",
             {1, 3, 21, 8},
             {"pack_attention"},
             {{"glint::attention", 1}}},
        Case{"attention_of_three_dimensions",
             "  return torch.scaled_dot_product_attention(x, x, x)\n",
             {1, 9, 8},
             {"pack_attention"},
             {{"glint::attention", 1}}},
        Case{"masked_attention",
             "  return torch.scaled_dot_product_attention(x, x, x, self.mask)\n",
             {1, 3, 5, 8},
             {},
             {{"glint::attention", 0}}},
        Case{"a_pooled_block",
             "  y = torch.layer_norm(x, [8], self.scale, self.shift, 1e-5)\n"
             "  batch, tokens, width = y.size()\n"
             "  qkv = torch.linear(y, self.qkv).view([batch, tokens, 3, 2, 4])\n"
             "  q, k, v = qkv.permute([2, 0, 3, 1, 4]).unbind(0)\n"
             "  z = torch.scaled_dot_product_attention(q, k, v)\n"
             "  z = x + torch.linear(z.transpose(1, 2).flatten(2), self.square)\n"
             "  y = torch.layer_norm(z, [8], self.scale, self.shift, 1e-5)\n"
             "  z = z + torch.linear(torch.gelu(torch.linear(y, self.w)), self.back)\n"
             "  return z[:, 2]\n",
             {1, 5, 8},
             {"pack_linears", "fuse_activations", "fuse_residuals", "fuse_norms", "pack_attention",
              "narrow_tokens", "pool_attention"},
             {{"aten::slice", 2},
              {"glint::linear", 4},
              {"glint::pooled_attention", 1},
              {"glint::attention", 0},
              {"aten::unbind", 0}}},
        Case{"a_block_pooled_twice",
             "  y = torch.layer_norm(x, [8], self.scale, self.shift, 1e-5)\n"
             "  qkv = torch.linear(y, self.qkv).view([x.size(0), 5, 3, 2, 4])\n"
             "  q, k, v = qkv.permute([2, 0, 3, 1, 4]).unbind(0)\n"
             "  z = torch.scaled_dot_product_attention(q, k, v)\n"
             "  z = x + torch.linear(z.transpose(1, 2).flatten(2), self.square)\n"
             "  y = torch.layer_norm(z, [8], self.scale, self.shift, 1e-5)\n"
             "  z = z + torch.linear(torch.gelu(torch.linear(y, self.w)), self.back)\n"
             "  return z[:, 0] + z[:, 1]\n",
             {1, 5, 8},
             {"pack_linears", "fuse_activations", "fuse_residuals", "fuse_norms", "pack_attention"},
             {{"glint::linear", 4}}},
        Case{"heads_whole_pages_apart",
             "  batch, tokens, width = x.size()\n"
             "  qkv = torch.linear(x, self.widen3).view([batch, tokens, 3, 8, 128])\n"
             "  q, k, v = qkv.permute([2, 0, 3, 1, 4]).unbind(0)\n"
             "  z = torch.scaled_dot_product_attention(q, k, v)\n"
             "  return x + torch.linear(z.transpose(1, 2).flatten(2), self.narrow)\n",
             {1, 9, 8},
             {"pack_linears", "fuse_residuals", "pack_attention", "fuse_heads", "space_rows"},
             {{"glint::linear", 2}, {"glint::self_attention", 1}}},
        Case{"a_causal_block",
             "  batch, tokens, width = x.size()\n"
             "  qkv = torch.linear(x, self.qkv, self.shift24).view([batch, tokens, 3, 2, 4])\n"
             "  q, k, v = qkv.permute([2, 0, 3, 1, 4]).unbind(0)\n"
             "  z = torch.scaled_dot_product_attention(q, k, v, None, 0.0, True, scale=0.4)\n"
             "  return torch.linear(z.transpose(1, 2).flatten(2), self.square)\n",
             {1, 33, 8},
             {"pack_linears", "pack_attention", "fuse_heads"},
             {{"glint::self_attention", 1}, {"aten::permute", 0}, {"aten::flatten", 0}}},
        Case{"a_block_of_keys_before_queries",
             "  batch, tokens, width = x.size()\n"
             "  qkv = torch.linear(x, self.qkv).view([batch, tokens, 3, 2, 4])\n"
             "  k, q, v = qkv.permute([2, 0, 3, 1, 4]).unbind(0)\n"
             "  z = torch.scaled_dot_product_attention(q, k, v)\n"
             "  return z.transpose(1, 2).flatten(2)\n",
             {1, 5, 8},
             {"pack_linears", "pack_attention"},
             {{"glint::attention", 1}}},
        Case{"a_block_of_windows",
             "  batch, tokens, width = x.size()\n"
             "  qkv = torch.linear(x, self.qkv).view([batch * 3, tokens // 3, 3, 2, 4])\n"
             "  q, k, v = qkv.permute([2, 0, 3, 1, 4]).unbind(0)\n"
             "  z = torch.scaled_dot_product_attention(q, k, v)\n"
             "  return z.transpose(1, 2).flatten(2)\n",
             {1, 6, 8},
             {"pack_linears", "pack_attention"},
             {{"glint::attention", 1}}},
        Case{"a_pooled_grid",
             "  t = torch.cat([x.mean(dim=1, keepdim=True), x], dim=1)\n"
             "  q = torch.linear(t[:, :1], self.square, self.scale)\n"
             "  q = q.view([q.size()[0], q.size()[1], 2, 4])\n"
             "  k = torch.linear(t, self.key, self.shift)\n"
             "  k = k.view([k.size()[0], k.size()[1], 2, 4])\n"
             "  v = torch.linear(t, self.square, self.shift)\n"
             "  v = v.view([t.size()[0], t.size()[1], 2, 4])\n"
             "  z = torch.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), "
             "v.transpose(1, 2))\n"
             "  return torch.linear(z.flatten(1), self.w)\n",
             {1, 5, 8},
             {"pack_linears", "pack_attention", "pool_attention"},
             {{"glint::linear", 2}, {"glint::pooled_attention", 1}}},
        Case{"a_pooled_grid_of_keys_that_others_use",
             "  q = torch.linear(x[:, 1:2], self.square).view([-1, 1, 2, 4])\n"
             "  k = torch.linear(x, self.key, self.shift)\n"
             "  v = torch.linear(x, self.square, self.shift).view([-1, 5, 2, 4]).transpose(1, 2)\n"
             "  z = torch.scaled_dot_product_attention(q.transpose(1, 2), "
             "k.view([-1, 5, 2, 4]).transpose(1, 2), v)\n"
             "  return z.flatten(1) + k.sum(1)\n",
             {1, 5, 8},
             {"pack_linears", "pack_attention"},
             {{"glint::attention", 1}}},
        Case{"a_grid_pooled_by_two",
             "  q = torch.linear(x[:, :2], self.square).view([-1, 2, 2, 4])\n"
             "  k = torch.linear(x, self.key, self.shift).view([-1, 5, 2, 4]).transpose(1, 2)\n"
             "  v = torch.linear(x, self.square, self.shift).view([-1, 5, 2, 4]).transpose(1, 2)\n"
             "  return torch.scaled_dot_product_attention(q.transpose(1, 2), k, v, scale=0.2)\n",
             {1, 5, 8},
             {"pack_linears", "pack_attention"},
             {{"glint::attention", 1}}}),
    [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace glint
