// What a TorchScript file may do as a tower, on modules made here.
#include "runtime/script_module.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <omp.h>
#include <torch/csrc/jit/api/module.h>

#include <sstream>
#include <thread>

#include "runtime/guard.h"
#include "support/expect_error.h"

namespace glint {
namespace {

using test::expect_error;

// A module with a buffer `n` [2] and `forward`, as stored bytes.
std::string archive(const std::string& forward) {
  torch::jit::Module module("m");
  module.register_buffer("n", at::zeros({2}));
  module.define(forward);
  std::ostringstream out;
  module.save(out);
  return out.str();
}

TowerSpec spec(DType storage = DType::kF32) {
  TowerSpec spec;
  spec.file = "towers/image.pt";
  spec.storage = storage;
  spec.methods["forward"] = {{{"pixels", DType::kF32, {"B", 2}}},
                             {{"embedding", DType::kF32, {"B", 2}}}};
  return spec;
}

ScriptModule load(const std::string& forward, const TowerSpec& tower = spec()) {
  const auto bytes = std::make_shared<const std::string>(archive(forward));
  return ScriptModule("image", tower, {std::as_bytes(std::span(*bytes)), bytes}, at::kCPU);
}

constexpr auto kCorrupt = ErrorCode::kCorruptPackage;

TEST(ScriptModuleTest, RunsAtAnyBatch) {
  const ScriptModule module = load("def forward(self, x):\n  return x * 2 + self.n\n");
  for (const std::int64_t batch : {1, 3, 8}) {
    const at::Tensor out = module.run("forward", {at::ones({batch, 2})}).at(0);
    EXPECT_EQ(out.sizes(), (at::IntArrayRef{batch, 2}));
    EXPECT_EQ(out.sum().item<float>(), static_cast<float>(4 * batch));
  }
}

TEST(ScriptModuleTest, MayWriteToWhatItMadeItself) {
  const ScriptModule module = load("def forward(self, x):\n  y = x * 2\n  y.add_(1)\n  return y\n");
  EXPECT_EQ(module.run("forward", {at::ones({1, 2})}).at(0).sum().item<float>(), 6);
}

TEST(ScriptModuleTest, RefusesMethodsWithSideEffects) {
  expect_error(kCorrupt, "writes to its inputs",
               [] { load("def forward(self, x):\n  x.zero_()\n  return x\n"); });
  expect_error(kCorrupt, "writes to its inputs",
               [] { load("def forward(self, x):\n  x[:, 0].add_(1)\n  return x\n"); });
  expect_error(kCorrupt, "writes to its",
               [] { load("def forward(self, x):\n  self.n.add_(1)\n  return x + self.n\n"); });
  expect_error(kCorrupt, "writes to its",
               [] { load("def forward(self, x):\n  self.n = self.n + 1\n  return x + self.n\n"); });
}

TEST(ScriptModuleTest, ChecksWhatIsDeclared) {
  const char* same = "def forward(self, x):\n  return x + self.n\n";
  expect_error(kCorrupt, "storage: expected f16", [&] { load(same, spec(DType::kF16)); });
  expect_error(kCorrupt, "expected 1 inputs",
               [] { load("def forward(self, x, y):\n  return x\n"); });
  TowerSpec more = spec();
  more.methods["embed"] = more.methods["forward"];
  expect_error(kCorrupt, "methods.embed: declared, but absent", [&] { load(same, more); });
  const ScriptModule wide = load("def forward(self, x):\n  return x[:, :1]\n");
  expect_error(kCorrupt, "expected embedding f32 [B, 2], got Float [1, 1]", [&] {
    wide.run("forward", {at::ones({1, 2})});
  });
}

TEST(ScriptModuleTest, GivesEveryOutputOfATuple) {
  TowerSpec two = spec();
  two.methods["forward"].outputs.push_back({"count", DType::kI64, {"N"}});
  const ScriptModule module =
      load("def forward(self, x):\n  return x + self.n, torch.arange(x.size(0) + 1)\n", two);
  const auto outputs = module.run("forward", {at::ones({3, 2})});
  ASSERT_EQ(outputs.size(), 2U);
  EXPECT_EQ(outputs[1].size(0), 4);
  const ScriptModule one = load("def forward(self, x):\n  return x + self.n\n", two);
  expect_error(kCorrupt, "expected 2 tensors, got 1", [&] {
    one.run("forward", {at::ones({1, 2})});
  });
}

TEST(ScriptModuleTest, ASymbolHasOneSizeInACall) {
  TowerSpec square = spec();
  square.methods["forward"].inputs[0].shape = {"S", "S"};
  square.methods["forward"].outputs[0].shape = {"S", 2};
  const ScriptModule module = load("def forward(self, x):\n  return x[:, :2] + self.n\n", square);
  EXPECT_EQ(module.run("forward", {at::ones({5, 5})}).at(0).size(0), 5);
  expect_error(ErrorCode::kInvalidArgument, "expected pixels f32 [S, S], got Float [5, 4]", [&] {
    module.run("forward", {at::ones({5, 4})});
  });
}

TEST(ScriptModuleTest, ReportsWeightsAndNodes) {
  const TowerReport report = load("def forward(self, x):\n  return x + self.n\n").report();
  EXPECT_EQ(report.weights, 2);
  ASSERT_EQ(report.methods.size(), 1U);
  EXPECT_GT(report.methods[0].nodes_loaded, 0);
  EXPECT_GT(report.methods[0].nodes_executed, 0);
}

TEST(ScriptModuleTest, TellsWhatFailedAndWhetherItWasMemory) {
  const ScriptModule bad = load("def forward(self, x):\n  return x.reshape(7, 11)\n");
  const ScriptModule huge = load("def forward(self, x):\n  return x.new_zeros([1 << 46])\n");
  const auto run = [](const ScriptModule& module) {
    guarded(kCorrupt, "running", [&] { module.run("forward", {at::ones({1, 2})}); });
  };
  expect_error(kCorrupt, "running: shape '[7, 11]' is invalid", [&] { run(bad); });
  expect_error(ErrorCode::kOutOfMemory, "allocate", [&] { run(huge); });
}

// A fresh thread, so that ATen has not set a count for it yet.
TEST(ComputeScopeTest, TheHostsThreadCountHoldsInsideAndAfter) {
  int inside = 0, one = 0, after = 0;
  std::thread([&] {
    omp_set_num_threads(7);
    {
      const ComputeScope scope(0);
      inside = at::get_num_threads();
    }
    {
      const ComputeScope scope(1);
      one = at::get_num_threads();
    }
    after = omp_get_max_threads();
  }).join();
  EXPECT_EQ(inside, 7);
  EXPECT_EQ(one, 1);
  EXPECT_EQ(after, 7);
}

}  // namespace
}  // namespace glint
