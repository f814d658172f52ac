// Graphs of a few lines of TorchScript, and what passes make of them.
#pragma once

#include <ATen/ops/randn.h>
#include <ATen/ops/sub.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/passes/freeze_module.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/graph_iterator.h>
#include <torch/csrc/jit/runtime/interpreter.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/guard.h"
#include "runtime/passes/passes.h"

namespace glint {

using passes::Graph;
using passes::PackedLayers;

// A module with random weights of every kind that the graphs below name.
inline Graph graph_of(const std::string& forward) {
  torch::jit::Module module("m");
  module.register_buffer("w", at::randn({12, 8}));
  module.register_buffer("b", at::randn({12}));
  module.register_buffer("square", at::randn({8, 8}));
  module.register_buffer("key", at::randn({8, 8}));
  module.register_buffer("qkv", at::randn({24, 8}));
  module.register_buffer("shift24", at::randn({24}));
  module.register_buffer("back", at::randn({8, 12}));
  module.register_buffer("widen", at::randn({1024, 8}));
  module.register_buffer("widen3", at::randn({3072, 8}));
  module.register_buffer("narrow", at::randn({8, 1024}));
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

inline at::Tensor run(const Graph& graph, const at::Tensor& x) {
  const ComputeScope scope(0);
  torch::jit::Stack stack{c10::IValue(), x};
  torch::jit::InterpreterState(torch::jit::Code(graph, "forward")).run(stack);
  return stack.front().toTensor();
}

inline std::int64_t count(Graph graph, const std::string& kind) {
  std::int64_t found = 0;
  torch::jit::DepthFirstGraphNodeIterator nodes(graph);
  for (auto* node = nodes.next(); node != nullptr; node = nodes.next()) {
    if (node->kind() == c10::Symbol::fromQualString(kind)) ++found;
  }
  return found;
}

// The contract's bound (max abs difference / max abs value), at several batches.
inline void expect_same_values(const Graph& before, const Graph& after,
                               std::vector<std::int64_t> shape) {
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

// The passes that change the graph, the nodes afterwards, and that its values stay.
inline void expect_passes(const Case& one) {
  const Graph before = graph_of(one.forward);
  const Graph after = before->copy();
  PackedLayers layers({});
  EXPECT_EQ(passes::run(after, layers), one.passes);
  EXPECT_TRUE(layers.refusals().empty());
  for (const auto& [kind, nodes] : one.counts) EXPECT_EQ(count(after, kind), nodes) << kind;
  expect_same_values(before, after, one.shape);
}

}  // namespace glint
