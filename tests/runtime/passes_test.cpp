// What each pass does to a graph, and that its values stay.
#include "runtime/passes/passes.h"

#include <ATen/ops/randn.h>
#include <ATen/ops/sub.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/passes/freeze_module.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/graph_iterator.h>
#include <torch/csrc/jit/runtime/interpreter.h>

#include "runtime/guard.h"
#include "runtime/passes/sum.h"

namespace glint {
namespace {

using passes::Graph;
using passes::PackedLayers;

// A module with random weights of every kind that the graphs below name.
Graph graph_of(const std::string& forward) {
  torch::jit::Module module("m");
  module.register_buffer("w", at::randn({12, 8}));
  module.register_buffer("b", at::randn({12}));
  module.register_buffer("square", at::randn({8, 8}));
  module.register_buffer("key", at::randn({8, 8}));
  module.register_buffer("qkv", at::randn({24, 8}));
  module.register_buffer("shift24", at::randn({24}));
  module.register_buffer("back", at::randn({8, 12}));
  module.register_buffer("pixel", at::randn({6, 3, 1, 1}));
  module.register_buffer("one", at::randn({3, 1, 3, 3}));
  module.register_buffer("merge", at::randn({3, 12, 4, 4}));
  module.register_buffer("channels", at::randn({12, 1, 1}));
  module.register_buffer("shift12", at::randn({12}));
  module.register_buffer("spread", at::rand({12}).add(0.5));
  module.register_buffer("scale", at::randn({8}));
  module.register_buffer("shift", at::randn({8}));
  module.register_buffer("scale2", at::randn({5, 8}));
  module.register_buffer("mask", at::randn({5, 5}));
  module.register_buffer("kernel", at::randn({12, 3, 4, 4}));
  module.register_attribute(
      "none", c10::TypeFactory::create<c10::OptionalType>(c10::TensorType::get()), c10::IValue());
  module.define("def forward(self, x):\n" + forward);
  module.eval();
  auto graph = torch::jit::freeze_module(module).get_method("forward").graph()->copy();
  torch::jit::Inline(*graph);
  return graph;
}

at::Tensor run(const Graph& graph, const at::Tensor& x) {
  const ComputeScope scope(0);
  torch::jit::Stack stack{c10::IValue(), x};
  torch::jit::InterpreterState(torch::jit::Code(graph, "forward")).run(stack);
  return stack.front().toTensor();
}

std::int64_t count(Graph graph, const std::string& kind) {
  std::int64_t found = 0;
  torch::jit::DepthFirstGraphNodeIterator nodes(graph);
  for (auto* node = nodes.next(); node != nullptr; node = nodes.next()) {
    if (node->kind() == c10::Symbol::fromQualString(kind)) ++found;
  }
  return found;
}

// The contract's bound (max abs difference / max abs value), at several batches.
void expect_same_values(const Graph& before, const Graph& after, std::vector<std::int64_t> shape) {
  for (const std::int64_t batch : {1, 3, 8}) {
    shape.front() = batch;
    const at::Tensor x = at::randn(shape), kept = x.clone();
    const at::Tensor expected = run(before, x), got = run(after, x);
    EXPECT_TRUE(x.equal(kept));
    ASSERT_EQ(got.sizes(), expected.sizes());
    EXPECT_LE(at::sub(got, expected).abs().max().item<float>(),
              1e-5F * expected.abs().max().item<float>());
  }
}

struct Case {
  const char* name;
  std::string forward;
  std::vector<std::int64_t> shape;
  std::vector<std::string> passes;
  std::vector<std::pair<std::string, std::int64_t>> counts;  // nodes afterwards
};

class PassesTest : public ::testing::TestWithParam<Case> {};

TEST_P(PassesTest, ChangesTheGraphAndNotTheValues) {
  const Case& one = GetParam();
  const Graph before = graph_of(one.forward);
  const Graph after = before->copy();
  PackedLayers layers({});
  EXPECT_EQ(passes::run(after, layers), one.passes);
  EXPECT_TRUE(layers.refusals().empty());
  for (const auto& [kind, nodes] : one.counts) EXPECT_EQ(count(after, kind), nodes) << kind;
  expect_same_values(before, after, one.shape);
}

INSTANTIATE_TEST_SUITE_P(
    Graphs, PassesTest,
    ::testing::Values(
        Case{"linear",
             "  return torch.linear(x, self.w, self.b)\n",
             {1, 5, 8},
             {"pack_linears"},
             {{"aten::linear", 0}, {"glint::linear", 1}}},
        Case{"no_bias",
             "  return torch.linear(x, self.w)\n",
             {1, 8},
             {"pack_linears"},
             {{"aten::linear", 0}, {"glint::linear", 1}}},
        Case{
            "computed_weights", "  return torch.linear(x, x)\n", {1, 8}, {}, {{"aten::linear", 1}}},
        Case{"quick_gelu",
             "  y = torch.linear(x, self.w, self.b)\n  return y * torch.sigmoid(y * 1.702)\n",
             {1, 5, 8},
             {"pack_linears", "fuse_activations"},
             {{"glint::linear", 1}, {"aten::sigmoid", 0}, {"aten::mul", 0}}},
        Case{"quick_gelu_the_other_way_round",
             "  y = torch.linear(x, self.w, self.b)\n  return torch.sigmoid(y * 1.702) * y\n",
             {1, 5, 8},
             {"pack_linears", "fuse_activations"},
             {{"aten::sigmoid", 0}}},
        Case{"another_slope",
             "  y = torch.linear(x, self.w, self.b)\n  return y * torch.sigmoid(y * 1.7)\n",
             {1, 5, 8},
             {"pack_linears"},
             {{"aten::sigmoid", 1}}},
        Case{"a_third_user",
             "  y = torch.linear(x, self.w, self.b)\n"
             "  return y * torch.sigmoid(y * 1.702) - y\n",
             {1, 5, 8},
             {"pack_linears"},
             {{"aten::sigmoid", 1}}},
        Case{"gelu",
             "  return torch.gelu(torch.linear(x, self.w, self.b))\n",
             {1, 5, 8},
             {"pack_linears", "fuse_activations"},
             {{"aten::gelu", 0}}},
        Case{"gelu_by_tanh",
             "  return torch.gelu(torch.linear(x, self.w), approximate=\"tanh\")\n",
             {1, 5, 8},
             {"pack_linears"},
             {{"aten::gelu", 1}}},
        Case{"residual",
             "  return x + torch.linear(x, self.square)\n",
             {1, 5, 8},
             {"pack_linears", "fuse_residuals"},
             {{"glint::linear", 1}, {"aten::add", 0}}},
        Case{"broadcast_residual",
             "  return torch.linear(x, self.w) + self.b\n",
             {1, 5, 8},
             {"pack_linears", "fuse_residuals"},
             {{"glint::linear", 1}, {"aten::add", 0}}},
        Case{"scaled_residual",
             "  return torch.add(x, torch.linear(x, self.square), alpha=2)\n",
             {1, 5, 8},
             {"pack_linears"},
             {{"aten::add", 1}}},
        Case{"two_layers_one_sum",
             "  return torch.linear(x, self.w) + torch.linear(x, self.w, self.b)\n",
             {1, 5, 8},
             {"pack_linears", "fuse_residuals"},
             {{"glint::linear", 2}, {"aten::add", 0}}},
        Case{"norm",
             "  return torch.linear(torch.layer_norm(x, [8], self.scale, self.shift, 1e-5), "
             "self.w, self.b)\n",
             {1, 5, 8},
             {"pack_linears", "fuse_norms"},
             {{"glint::linear", 1}, {"aten::layer_norm", 0}}},
        Case{"norm_of_three",
             "  y = torch.layer_norm(x, [8], self.scale, self.shift, 1e-5)\n"
             "  return torch.linear(y, self.w) + torch.linear(y, self.w, self.b)\n",
             {1, 5, 8},
             {"pack_linears", "fuse_residuals", "fuse_norms"},
             {{"glint::linear", 2}, {"aten::layer_norm", 0}}},
        Case{"norm_that_others_use",
             "  y = torch.layer_norm(x, [8], self.scale, self.shift, 1e-5)\n"
             "  return y + torch.linear(y, self.square)\n",
             {1, 5, 8},
             {"pack_linears", "fuse_residuals"},
             {{"aten::layer_norm", 1}}},
        Case{"norm_without_weights",
             "  return torch.linear(torch.layer_norm(x, [8]), self.w)\n",
             {1, 5, 8},
             {"pack_linears"},
             {{"aten::layer_norm", 1}}},
        Case{"norm_of_two_dimensions",
             "  return torch.linear(torch.layer_norm(x, [5, 8], self.scale2, self.scale2, 1e-5), "
             "self.w)\n",
             {1, 5, 8},
             {"pack_linears"},
             {{"aten::layer_norm", 1}}},
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
             {{"glint::attention", 1}}},
        Case{"sums_that_are_used_again",
             "  y = x * 2\n"
             "  z = y + torch.linear(x, self.square)\n"
             "  u = z[:, 1:]\n"
             "  z = z + torch.linear(z, self.square, self.scale)\n"
             "  z = z + torch.linear(z * 0.5, self.square)\n"
             "  return (z + torch.linear(y, self.square))[:, 1:] * u\n",
             {1, 5, 8},
             {"pack_linears", "fuse_residuals"},
             {{"glint::linear", 4}}},
        Case{"patches",
             "  return torch.conv2d(x, self.kernel, self.b, [4, 4])\n",
             {1, 3, 18, 13},
             {"pack_convolutions"},
             {{"glint::convolution", 1}, {"aten::conv2d", 0}}},
        Case{"overlapping_windows",
             "  return torch.conv2d(x, self.kernel, None, [2, 1])\n",
             {1, 3, 16, 12},
             {"pack_convolutions"},
             {{"aten::conv2d", 0}}},
        Case{"padded_windows",
             "  return torch.conv2d(x, self.kernel, self.b, [3, 2], [2, 5])\n",
             {1, 3, 16, 9},
             {"pack_convolutions"},
             {{"aten::conv2d", 0}}},
        Case{"large_windows",
             "  return torch.conv2d(x, self.kernel, self.b, [1, 1], [2, 2])\n",
             {1, 3, 90, 120},
             {"pack_convolutions"},
             {{"aten::conv2d", 0}}},
        Case{"single_pixels",
             "  return torch.relu(torch.conv2d(x, self.pixel))\n",
             {1, 3, 7, 5},
             {"pack_convolutions", "fuse_relus"},
             {{"aten::relu", 0}}},
        Case{"dilated_windows",
             "  return torch.conv2d(x, self.kernel, None, [1, 1], [0, 0], [2, 2])\n",
             {1, 3, 16, 12},
             {},
             {{"aten::conv2d", 1}}},
        Case{"groups_of_channels",
             "  return torch.conv2d(x, self.one, None, [1, 1], [0, 0], [1, 1], 3)\n",
             {1, 3, 16, 12},
             {},
             {{"aten::conv2d", 1}}},
        Case{"a_residual_block",
             "  y = torch.relu(torch.conv2d(x, self.kernel, self.b, [1, 1], [2, 2]))\n"
             "  y = torch.conv2d(y, self.merge, None, [1, 1], [1, 1])\n"
             "  return torch.relu(y + x)\n",
             {1, 3, 16, 12},
             {"pack_convolutions", "fuse_residuals", "fuse_relus"},
             {{"glint::convolution", 2}, {"aten::relu", 0}, {"aten::add", 0}}},
        Case{"a_sum_with_channels",
             "  y = torch.conv2d(x, self.kernel, None, [4, 4])\n"
             "  return torch.relu(y + self.channels)\n",
             {1, 3, 16, 12},
             {"pack_convolutions", "fuse_residuals", "fuse_relus"},
             {{"glint::convolution", 1}}},
        Case{"batch_norm",
             "  y = torch.conv2d(x, self.kernel, None, [2, 2])\n"
             "  return torch.batch_norm(y, self.b, self.shift12, self.b, self.spread, False, 0.1, "
             "1e-5, False)\n",
             {1, 3, 16, 12},
             {"fold_batch_norms", "pack_convolutions"},
             {{"aten::batch_norm", 0}, {"glint::convolution", 1}}}),
    [](const auto& one) { return std::string(one.param.name); });

// What LibTorch refuses when it runs is left to it: nothing is divided by such a stride, and
// nothing read behind such a bias.
TEST(PassesTest, LeavesWhatCannotRun) {
  for (const char* call :
       {"torch.conv2d(x, self.kernel, None, [0, 1])",
        "torch.conv2d(x, self.kernel, None, [1, 1], [-1, 0])",
        "torch.conv2d(x, self.kernel, self.scale)", "torch.linear(x, self.w, self.scale)"}) {
    const Graph graph = graph_of(std::string("  return ") + call + "\n");
    PackedLayers layers({});
    EXPECT_TRUE(passes::run(graph, layers).empty()) << call;
    EXPECT_ANY_THROW(run(graph, at::randn({1, 3, 16, 8}))) << call;
  }
}

// A layer writes over what it adds only where nobody else would see it.
TEST(SumTest, WritesOverTheLastReference) {
  at::Tensor other = at::randn({2, 6});
  const auto* numbers = other.const_data_ptr<float>();
  EXPECT_EQ(passes::room_for_sum(other, {3, 4}, other.options()).const_data_ptr(), numbers);
  const at::Tensor again = other;
  EXPECT_NE(passes::room_for_sum(other, {3, 4}, other.options()).const_data_ptr(), numbers);
  const at::Tensor view = at::randn({2, 6}).view({3, 4}), part = view[0];
  EXPECT_NE(passes::room_for_sum(view, {3, 4}, view.options()).const_data_ptr(),
            view.const_data_ptr());
  EXPECT_EQ(passes::room_for_sum({}, {3, 4}, view.options()).sizes(), view.sizes());
}

// A tower's methods share their weights, packed too.
TEST(PackedLayersTest, OneLayerForOneWeight) {
  PackedLayers layers({});
  const at::Tensor weight = at::randn({4, 3}), bias = at::randn({4});
  const auto layer = layers.linear(weight, bias);
  EXPECT_EQ(layers.linear(weight, bias), layer);
  EXPECT_NE(layers.linear(weight, at::Tensor()), layer);
}

// What packing cannot reproduce stays plain, with a reason.
TEST(PackedLayersTest, ALayerThatIsNotFiniteIsRefused) {
  PackedLayers layers({});
  const at::Tensor weight = at::randn({4, 3});
  weight.mutable_data_ptr<float>()[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(layers.linear(weight, at::Tensor()));
  ASSERT_EQ(layers.refusals().size(), 1U);
  EXPECT_NE(layers.refusals().front().find("expected a packed linear layer [4, 3] within"),
            std::string::npos);
}

}  // namespace
}  // namespace glint
