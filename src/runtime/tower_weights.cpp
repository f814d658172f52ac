#include "runtime/tower_weights.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "runtime/passes/graph.h"

namespace glint {
namespace {

struct NamedWeight {
  std::string name;
  at::Tensor value;
};

std::vector<NamedWeight> floating_weights(const torch::jit::Module& module) {
  std::vector<NamedWeight> found;
  for (const auto& item : module.named_parameters(true)) found.push_back({item.name, item.value});
  for (const auto& item : module.named_buffers(true)) found.push_back({item.name, item.value});
  std::erase_if(found, [](const NamedWeight& w) { return !w.value.is_floating_point(); });
  return found;
}

bool is_table(const torch::jit::Use& use) {
  return use.user->kind() == c10::aten::embedding && use.offset == 0;
}

// Not of a convolution: batch norms are folded into its weights.
bool may_be_f16(const torch::jit::Use& use) {
  return is_table(use) || (use.user->kind() == c10::aten::linear && use.offset == 1);
}

// Of the attribute that a node gets: its name from the module on, "a.b.weight".
std::string path_of(const torch::jit::Node* node) {
  std::string path = node->s(c10::attr::name);
  for (const torch::jit::Node* above = node->input()->node(); above->kind() == c10::prim::GetAttr;
       above = above->input()->node()) {
    path = cat(above->s(c10::attr::name), ".", path);
  }
  return path;
}

void widen_if(const torch::jit::Module& module, const auto& wanted) {
  for (auto& [name, value] : floating_weights(module)) {
    if (value.scalar_type() == at::kHalf && wanted(name)) value.set_data(value.to(at::kFloat));
  }
}

}  // namespace

void WeightUses::add(const std::shared_ptr<torch::jit::Graph>& graph) {
  for (const torch::jit::Node* node : passes::nodes_of(graph, c10::prim::GetAttr)) {
    if (!std::ranges::all_of(node->output()->uses(), may_be_f16)) {
      others_.insert(path_of(node));
    }
  }
}

void check_storage(const torch::jit::Module& module, const TowerSpec& spec,
                   const std::string& tower) {
  const auto stored = spec.storage == DType::kF16 ? at::kHalf : at::kFloat;
  for (const auto& [name, value] : floating_weights(module)) {
    if (value.scalar_type() == stored) continue;
    fail(ErrorCode::kCorruptPackage, "towers.", tower, ".storage: expected ",
         to_string(spec.storage), " weights, got ", c10::toString(value.scalar_type()), " in ",
         quote(name), " of ", quote(spec.file));
  }
}

void widen_weights(const torch::jit::Module& module, const WeightUses& uses) {
  widen_if(module, [&](const std::string& name) { return !uses.may_stay_f16(name); });
}

void widen_weights(const torch::jit::Module& module) {
  widen_if(module, [](const std::string&) { return true; });
}

void LastingConstants::take_over(const std::shared_ptr<torch::jit::Graph>& graph) {
  for (torch::jit::Node* node : passes::nodes_of(graph, c10::prim::Constant)) {
    if (!node->hasAttribute(c10::attr::value)) continue;
    if (node->kindOf(c10::attr::value) != torch::jit::AttributeKind::t) continue;
    const at::Tensor constant = node->t(c10::attr::value);
    if (!constant.is_cpu() || constant.numel() == 0) continue;
    const bool narrow = std::ranges::all_of(node->output()->uses(), is_table);
    const auto stored = constant.scalar_type();
    const auto kept = stored == at::kHalf && !narrow ? at::kFloat : stored;
    const Place place{constant.const_data_ptr(), kept, constant.sizes().vec(),
                      constant.strides().vec()};
    auto found = copies_.find(place);
    if (found == copies_.end()) {
      at::Tensor copy = constant.to(kept, /*non_blocking=*/false, /*copy=*/true);
      found = copies_.emplace(place, std::move(copy)).first;
    }
    node->t_(c10::attr::value, found->second);
  }
}

}  // namespace glint
