// What each pass does to a graph, and that its values stay.
#include <limits>

#include "graphs.h"
#include "runtime/passes/sum.h"

namespace glint {
namespace {

class PassesTest : public ::testing::TestWithParam<Case> {};

TEST_P(PassesTest, ChangesTheGraphAndNotTheValues) { expect_passes(GetParam()); }

INSTANTIATE_TEST_SUITE_P(
    Graphs, PassesTest,
    ::testing::Values(
        Case{"rows_whole_pages_apart",
             "  y = torch.gelu(torch.linear(x, self.widen))\n"
             "  return torch.linear(y, self.narrow) + torch.linear(y, self.narrow, self.shift)\n",
             {1, 5, 8},
             {"pack_linears", "fuse_activations", "fuse_residuals", "space_rows"},
             {{"glint::linear", 3}}},
        Case{"rows_whole_pages_apart_that_others_read",
             "  y = torch.linear(x, self.widen)\n"
             "  return torch.linear(y, self.narrow) + y.view([-1, 5, 128, 8]).sum(2)\n",
             {1, 5, 8},
             {"pack_linears", "fuse_residuals"},
             {{"glint::linear", 2}}},
        Case{"rows_of_views",
             "  every = torch.linear(x[:, 1:], self.w) + torch.linear(x[:, ::2], self.w)\n"
             "  first = torch.linear(x[:, 0], self.w).unsqueeze(1)\n"
             "  same = torch.linear(x[:, :1].expand([-1, 2, 8]), self.w)\n"
             "  return torch.cat([every, first, same, torch.linear(x.flip(2)[:, 1:2], self.w)], "
             "1)\n",
             {1, 3, 8},
             {"pack_linears", "fuse_residuals"},
             {{"glint::linear", 5}}},
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
