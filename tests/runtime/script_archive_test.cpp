// How archives are read where they lie, and what becomes of their weights.
#include "runtime/script_archive.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/add.h>
#include <ATen/ops/all.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/div.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/full.h>
#include <ATen/ops/le.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/sub.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <tuple>

#include "package/zip.h"
#include "runtime/script_module.h"
#include "support/expect_error.h"
#include "support/tiny_package.h"

namespace glint {
namespace {

using test::Bytes;
using test::expect_error;

constexpr auto kCorrupt = ErrorCode::kCorruptPackage;

Bytes saved(const torch::jit::Module& module) {
  std::ostringstream out;
  module.save(out);
  return test::to_bytes(out.str());
}

// The archive `before` bytes behind the begin of its memory.
SharedArchive shared(const Bytes& archive, std::size_t before = 0) {
  auto bytes = std::make_shared<Bytes>(before);
  bytes->insert(bytes->end(), archive.begin(), archive.end());
  return {std::span<const std::byte>(*bytes).subspan(before), bytes};
}

torch::jit::Module read(const SharedArchive& archive) {
  return read_script(archive, "t.pt", at::kCPU);
}

torch::jit::Module with_buffer(const at::Tensor& buffer) {
  torch::jit::Module module("m");
  module.register_buffer("n", buffer);
  module.define("def forward(self, x):\n  return x + self.n\n");
  return module;
}

TEST(ScriptArchiveTest, TensorsLieInTheArchiveAndKeepIt) {
  const at::Tensor numbers = at::randn({130, 130});
  SharedArchive archive = shared(saved(with_buffer(numbers)));
  const auto* begin = archive.bytes.data();
  const std::size_t size = archive.bytes.size();
  const std::weak_ptr<const void> owner = archive.owner;
  at::Tensor read_back = read(archive).attr("n").toTensor();
  archive = {};
  EXPECT_FALSE(owner.expired());
  EXPECT_TRUE(at::equal(read_back, numbers));
  const auto* data = static_cast<const std::byte*>(read_back.const_data_ptr());
  EXPECT_TRUE(data >= begin && data < begin + size);
  read_back.reset();
  EXPECT_TRUE(owner.expired());
}

TEST(ScriptArchiveTest, NumbersThatLieAskewAreCopied) {
  const at::Tensor numbers = at::randn({130, 130});
  for (const std::size_t before : {1, 2, 4, 8}) {
    const SharedArchive archive = shared(saved(with_buffer(numbers)), before);
    const at::Tensor read_back = read(archive).attr("n").toTensor();
    EXPECT_TRUE(at::equal(read_back, numbers));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(read_back.const_data_ptr()) % 16, 0U);
  }
}

// The archive with another content of data.pkl.
Bytes with_pickle(const Bytes& archive, const auto& change) {
  std::vector<test::ArchiveEntry> entries;
  for (const ZipEntry& entry : read_zip(archive, "t.pt")) {
    Bytes content = extract(entry, 1 << 20, "t.pt");
    if (entry.name.ends_with("/data.pkl")) change(content);
    entries.push_back({entry.name, content});
  }
  return test::make_archive(entries);
}

TEST(ScriptArchiveTest, RefusesStoragesLargerThanTheirEntries) {
  const Bytes archive = saved(with_buffer(at::randn({2})));
  const Bytes kTwo = test::to_bytes("K\x02");
  std::size_t changed = 0;
  const auto claim_more = [&](Bytes& pickle) {  // ("storage", FloatStorage, "0", "cpu", 2)
    const Bytes device = test::to_bytes("cpu");
    const auto found = std::ranges::search(pickle, device).begin();
    const auto count = std::search(found, pickle.end(), kTwo.begin(), kTwo.end());
    ASSERT_NE(count, pickle.end());
    count[1] = std::byte{100};
    ++changed;
  };
  const Bytes larger = with_pickle(archive, claim_more);
  ASSERT_EQ(changed, 1U);
  expect_error(kCorrupt, "t.pt: expected tensors as large as their entries, got 400 bytes of 8",
               [&] { read(shared(larger)); });
  EXPECT_NO_THROW(read(shared(with_pickle(archive, [](Bytes&) {}))));
}

TEST(ScriptArchiveTest, RefusesCodeThatRunsWhileItIsLoaded) {
  torch::jit::Module module = with_buffer(at::randn({2}));
  module.define(
      "def __getstate__(self):\n  return self.n\n"
      "def __setstate__(self, state: Tensor) -> None:\n  self.n = state\n");
  expect_error(kCorrupt, "runs nothing while it is loaded", [&] { read(shared(saved(module))); });
}

TEST(ScriptArchiveTest, RefusesAnotherFormatAnotherOrderAndMissingNumbers) {
  std::vector<test::ArchiveEntry> entries;
  const Bytes archive = saved(with_buffer(at::randn({2})));
  for (const ZipEntry& entry : read_zip(archive, "t.pt")) {
    entries.push_back({entry.name, extract(entry, 1 << 20, "t.pt")});
  }
  const auto without = [&](std::string_view end) {
    auto fewer = entries;
    std::erase_if(fewer, [&](const auto& entry) { return entry.name.ends_with(end); });
    return shared(test::make_archive(fewer));
  };
  expect_error(kCorrupt, "expected an entry \"data/0\", got none",
               [&] { read(without("/data/0")); });
  expect_error(kCorrupt, "expected an entry \"constants.pkl\", got none",
               [&] { read(without("/constants.pkl")); });
  const auto with = [&](const std::string& name, std::string_view content) {
    auto changed = entries;
    std::erase_if(changed, [&](const auto& entry) { return entry.name.ends_with("/" + name); });
    const std::string& first = entries.front().name;
    changed.push_back({first.substr(0, first.find('/') + 1) + name, test::to_bytes(content)});
    return shared(test::make_archive(changed));
  };
  EXPECT_NO_THROW(read(with("byteorder", "little")));
  expect_error(kCorrupt, "expected little-endian numbers, got \"big\"",
               [&] { read(with("byteorder", "big")); });
  for (const char* version : {"0", "99\n", "", "three"}) {
    expect_error(kCorrupt, "expected file format 1 to", [&] { read(with("version", version)); });
  }
}

TowerSpec tower(DType storage, const Port& input, const Port& output) {
  TowerSpec spec;
  spec.file = "towers/image.pt";
  spec.storage = storage;
  spec.methods["forward"] = {{input}, {output}};
  return spec;
}

TEST(TowerWeightsTest, AReadyTowerNeedsNoArchive) {
  torch::jit::Module module("m");
  const at::Tensor weight = at::randn({130, 130}), shift = at::randn({130});
  module.register_buffer("w", weight);
  module.register_buffer("n", shift);
  module.register_buffer("table", at::randn({200, 130}));
  module.define(
      "def forward(self, x):\n  return x + torch.embedding(self.table, torch.arange(x.size(0)))\n"
      "def linear(self, x):\n  return torch.linear(x, self.w)\n"
      "def block(self, x):\n"
      "  y = torch.gelu(torch.linear(torch.layer_norm(x, [130], self.n, self.n), self.w, self.n))\n"
      "  return x + torch.linear(y, self.w, self.n)\n");
  TowerSpec spec =
      tower(DType::kF32, {"x", DType::kF32, {"B", 130}}, {"y", DType::kF32, {"B", 130}});
  spec.methods["linear"] = spec.methods["block"] = spec.methods["forward"];
  const at::Tensor x = at::randn({3, 130});
  SharedArchive archive = shared(saved(module));
  const std::weak_ptr<const void> owner = archive.owner;
  const ScriptModule ready("image", spec, archive, at::kCPU);
  archive = {};
  EXPECT_TRUE(owner.expired());
  EXPECT_TRUE(ready.run("linear", {x}).at(0).allclose(at::linear(x, weight), 1e-5, 1e-5));
}

// What no pass packs and no graph has as a tensor of its own.
TEST(TowerWeightsTest, LetsAnArchiveGoThatAModuleWouldKeep) {
  const at::Tensor large = at::randn({130, 130});
  torch::jit::Module module("m");
  module.register_attribute("parts", c10::ListType::ofTensors(),
                            c10::List<at::Tensor>({large, large * 2}));
  module.define("def forward(self, x):\n  return x + self.parts[x.size(0) % 2][0]\n");
  const TowerSpec spec =
      tower(DType::kF32, {"x", DType::kF32, {"B", 130}}, {"y", DType::kF32, {"B", 130}});
  {
    SharedArchive archive = shared(saved(module));
    const std::weak_ptr<const void> owner = archive.owner;
    const ScriptModule keeps("image", spec, archive, at::kCPU);
    archive = {};
    EXPECT_FALSE(owner.expired());
  }
  SharedArchive archive = shared(saved(module));
  const std::weak_ptr<const void> owner = archive.owner;
  const ScriptModule ready = ScriptModule::letting_go("image", spec, std::exchange(archive, {}),
                                                      at::kCPU, Precision::kExact, 0);
  EXPECT_TRUE(owner.expired());
  const at::Tensor x = at::randn({3, 130});
  EXPECT_TRUE(ready.run("forward", {x}).at(0).allclose(x + large.select(0, 0) * 2, 1e-5, 1e-5));
}

// Arithmetic on constants is done once, when a module is frozen: it must be that of f32.
TEST(TowerWeightsTest, WeightsOfHalvesAreThoseOfF32) {
  const at::Tensor weight = at::randn({8, 8}).to(at::kHalf), scale = at::randn({8}).to(at::kHalf);
  const at::Tensor kernel = at::randn({8, 8, 1, 1}).to(at::kHalf);
  const at::Tensor table = at::randn({12, 8}).to(at::kHalf), x = at::randn({3, 8});
  torch::jit::Module module("m");
  module.register_buffer("w", weight);
  module.register_buffer("scale", scale);
  module.register_buffer("table", table);
  module.register_buffer("kernel", kernel);
  module.register_buffer("mean", scale * 3);
  module.register_buffer("spread", scale.exp());
  module.define(
      "def forward(self, x):\n"
      "  y = torch.linear(x, self.w * self.scale.exp()) + torch.linear(x, self.w, self.scale)\n"
      "  z = torch.conv2d(y.view([-1, 8, 1, 1]), self.kernel)\n"
      "  z = torch.batch_norm(z, self.scale, None, self.mean, self.spread, False, 0., 1e-5, "
      "False)\n"
      "  return z.flatten(1)\n"
      "def look_up(self, ids):\n  return torch.embedding(self.table, ids) + self.scale\n");
  TowerSpec spec = tower(DType::kF16, {"x", DType::kF32, {"B", 8}}, {"y", DType::kF32, {"B", 8}});
  spec.methods["look_up"] = {{{"ids", DType::kI64, {"B"}}}, {{"y", DType::kF32, {"B", 8}}}};
  const ScriptModule ready("image", spec, shared(saved(module)), at::kCPU);

  const auto& passes = ready.report().passes;
  EXPECT_NE(std::ranges::find(passes, "pack_tables"), passes.end());
  const at::Tensor wide = weight.to(at::kFloat), shift = scale.to(at::kFloat);
  const at::Tensor y = at::linear(x, wide * shift.exp()) + at::linear(x, wide, shift);
  const at::Tensor z = at::linear(y, kernel.to(at::kFloat).flatten(1));
  const at::Tensor mean = (scale * 3).to(at::kFloat), spread = scale.exp().to(at::kFloat);
  const at::Tensor expected = (z - mean) / (spread + 1e-5).sqrt() * shift;
  EXPECT_TRUE(ready.run("forward", {x}).at(0).allclose(expected, 1e-5, 1e-4));
  const at::Tensor ids = at::arange(12);
  EXPECT_TRUE(at::equal(ready.run("look_up", {ids}).at(0), table.to(at::kFloat) + shift));
}

// A row's numbers in its precision: of f16 for products of bf16, with a scale for 8 bits.
TEST(TowerWeightsTest, TablesAreAsNarrowAsThePrecision) {
  at::Tensor table = at::randn({12, 8});
  table.select(0, 3).zero_();
  table.select(0, 4).mul_(1000);
  torch::jit::Module module("m");
  module.register_buffer("table", table);
  module.define(
      "def forward(self, ids):\n  return torch.embedding(self.table, ids)\n"
      "def look_up(self, ids):\n  return torch.embedding(self.table, ids) * 2.\n");
  TowerSpec spec =
      tower(DType::kF32, {"ids", DType::kI64, {"B", "L"}}, {"y", DType::kF32, {"B", "L", 8}});
  spec.methods["look_up"] = spec.methods["forward"];
  const at::Tensor ids = at::arange(12).view({3, 4}), rows = table.view({3, 4, 8});
  const at::Tensor largest = at::amax(at::abs(rows), {2}, true);
  for (const auto& [precision, operands, bound] :
       {std::tuple{Precision::kExact, Operands::kF32, 0.0},
        {Precision::kFast, Operands::kBf16, std::exp2(-11)},
        {Precision::kCompact, Operands::kInt8, 0.502 / 127}}) {
    if (!has_operands(operands)) continue;
    const ScriptModule ready("image", spec, shared(saved(module)), at::kCPU, precision);
    const at::Tensor got = ready.run("forward", {ids}).at(0);
    EXPECT_TRUE(at::all(at::abs(got - rows) <= largest * bound).item<bool>());
    EXPECT_EQ(at::equal(got, rows), precision == Precision::kExact);
    EXPECT_TRUE(at::equal(ready.run("look_up", {ids}).at(0), got * 2));
  }
}

// f16 has no number for them.
TEST(TowerWeightsTest, LargeNumbersInATableStay) {
  const at::Tensor table = at::full({5, 4}, 1e6F);
  torch::jit::Module module("m");
  module.register_buffer("table", table);
  module.define("def forward(self, ids):\n  return torch.embedding(self.table, ids)\n");
  const TowerSpec spec =
      tower(DType::kF32, {"ids", DType::kI64, {"B"}}, {"y", DType::kF32, {"B", 4}});
  const ScriptModule ready("image", spec, shared(saved(module)), at::kCPU,
                           has_operands(Operands::kBf16) ? Precision::kFast : Precision::kExact);
  EXPECT_TRUE(at::equal(ready.run("forward", {at::arange(5)}).at(0), table));
}

}  // namespace
}  // namespace glint
