// A tower's weights while it is made ready. Memory that nothing has touched yet is dear, so they
// are neither copied nor widened where passes pack them: those are read where the archive lies, f16
// as such. The others get memory of their own, in f32.
#pragma once

#include <ATen/core/Tensor.h>
#include <glint/package.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace glint {

// What a tower's methods do with its weights.
class WeightUses {
 public:
  // `graph`: of a method of the module, with its calls inlined.
  void add(const std::shared_ptr<torch::jit::Graph>& graph);

  // Whether methods only look rows up in a weight, or multiply by it in a linear layer, where it is
  // packed: no other arithmetic, which would be f16's own where its operands are constant.
  bool may_stay_f16(const std::string& name) const { return !others_.contains(name); }

 private:
  std::set<std::string, std::less<>> others_;  // that methods do something else with
};

// Throws Error(kCorruptPackage) unless all floating point weights are stored as declared.
void check_storage(const torch::jit::Module& module, const TowerSpec& spec,
                   const std::string& tower);

// Widens f16 weights to f32, but for those that may stay.
void widen_weights(const torch::jit::Module& module, const WeightUses& uses);
// All of them.
void widen_weights(const torch::jit::Module& module);

// The constants of a tower's graphs in memory of their own, for all methods once.
class LastingConstants {
 public:
  // Lets no tensor constant of `graph` share memory with what it came from, nor be f16 but where
  // its rows are looked up alone (pack_tables).
  void take_over(const std::shared_ptr<torch::jit::Graph>& graph);

 private:
  using Place = std::tuple<const void*, at::ScalarType, std::vector<std::int64_t>,
                           std::vector<std::int64_t>>;  // type, sizes and strides

  std::map<Place, at::Tensor> copies_;
};

}  // namespace glint
