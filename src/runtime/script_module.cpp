#include "runtime/script_module.h"

#include <caffe2/serialize/read_adapter_interface.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/passes/freeze_module.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/graph_iterator.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/check.h"
#include "runtime/guard.h"

namespace glint {
namespace {

// Lets LibTorch read an archive that lies in memory, without a copy.
class MemoryReader : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit MemoryReader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  size_t size() const override { return bytes_.size(); }
  size_t read(uint64_t pos, void* buffer, size_t n, const char* /*what*/) const override {
    if (pos > bytes_.size()) return 0;
    const size_t count = std::min<size_t>(n, bytes_.size() - pos);
    std::memcpy(buffer, bytes_.data() + pos, count);
    return count;
  }

 private:
  std::span<const std::byte> bytes_;
};

// Widens floating point weights to f32, after checking that they are stored as declared.
void widen(torch::jit::Module& module, const TowerSpec& spec, const std::string& tower) {
  const auto stored = spec.storage == DType::kF16 ? at::kHalf : at::kFloat;
  const auto widen_one = [&](const std::string& name, at::Tensor value) {
    if (!value.is_floating_point()) return;
    if (value.scalar_type() != stored) {
      fail(ErrorCode::kCorruptPackage, "towers.", tower, ".storage: expected ",
           to_string(spec.storage), " weights, got ", c10::toString(value.scalar_type()), " in ",
           quote(name), " of ", quote(spec.file));
    }
    value.set_data(value.to(at::kFloat));
  };
  for (const auto& item : module.named_parameters(true)) widen_one(item.name, item.value);
  for (const auto& item : module.named_buffers(true)) widen_one(item.name, item.value);
}

torch::jit::Module load_frozen(const std::string& tower, const TowerSpec& spec,
                               std::span<const std::byte> bytes, at::Device device) {
  torch::jit::Module module = torch::jit::load(std::make_shared<MemoryReader>(bytes), device,
                                               /*load_debug_files=*/false);
  std::vector<std::string> kept;
  for (const auto& [name, method] : spec.methods) {
    if (!module.find_method(name)) {
      fail(ErrorCode::kCorruptPackage, "towers.", tower, ".methods.", name,
           ": declared, but absent from ", quote(spec.file));
    }
    if (name != "forward") kept.push_back(name);
  }
  module.eval();
  widen(module, spec, tower);
  return torch::jit::freeze_module(module, kept);
}

// Threads share a module, and callers share tensors with it: a method may write to neither.
void refuse_writes(std::shared_ptr<torch::jit::Graph> graph, const std::string& where) {
  const torch::jit::AliasDb aliases(graph);
  const auto refuse = [&](std::string_view what) {
    fail(ErrorCode::kCorruptPackage, where, ": expected a method without side effects, got one ",
         "that writes to ", what);
  };
  for (const torch::jit::Value* input : graph->inputs()) {
    if (aliases.hasWriters(input)) refuse("its inputs");
  }
  torch::jit::DepthFirstGraphNodeIterator nodes(graph);
  for (const torch::jit::Node* node = nodes.next(); node != nullptr; node = nodes.next()) {
    const auto kind = node->kind();
    if (kind == c10::prim::SetAttr) refuse("its module");
    if (kind != c10::prim::Constant && kind != c10::prim::GetAttr) continue;
    for (const torch::jit::Value* value : node->outputs()) {
      if (aliases.hasWriters(value)) refuse("its weights");
    }
  }
}

std::string shape_text(at::IntArrayRef sizes) {
  std::string text = "[";
  for (std::size_t i = 0; i < sizes.size(); ++i) text += cat(i == 0 ? "" : ", ", sizes[i]);
  return text + "]";
}

std::string shape_text(const Port& port) {
  std::string text = "[";
  for (std::size_t i = 0; i < port.shape.size(); ++i) {
    text += i == 0 ? "" : ", ";
    const std::int64_t size = port.shape[i];
    text += size == Port::kBatch ? "B" : size == Port::kLength ? "L" : std::to_string(size);
  }
  return text + "]";
}

// The sizes that the symbols of one call turned out to have; -1 while unknown.
struct Symbols {
  std::array<std::int64_t, 2> sizes{-1, -1};
  std::int64_t& of(std::int64_t symbol) { return sizes[symbol == Port::kBatch ? 0 : 1]; }
};

bool matches(const at::Tensor& value, const Port& port, Symbols& symbols) {
  const auto dtype = port.dtype == DType::kI64 ? at::kLong : at::kFloat;
  if (value.scalar_type() != dtype || value.dim() != static_cast<int64_t>(port.shape.size())) {
    return false;
  }
  for (std::size_t i = 0; i < port.shape.size(); ++i) {
    const std::int64_t got = value.size(static_cast<std::int64_t>(i));
    if (port.shape[i] >= 0) {
      if (got != port.shape[i]) return false;
    } else {
      std::int64_t& known = symbols.of(port.shape[i]);
      if (known >= 0 && known != got) return false;
      known = got;
    }
  }
  return true;
}

void check_port(ErrorCode code, const std::string& where, const at::Tensor& value, const Port& port,
                Symbols& symbols) {
  if (matches(value, port, symbols)) return;
  fail(code, where, ": expected ", quote(port.name), " ", to_string(port.dtype), " ",
       shape_text(port), ", got ", c10::toString(value.scalar_type()), " ",
       shape_text(value.sizes()));
}

}  // namespace

ScriptModule::ScriptModule(std::string name, const TowerSpec& spec,
                           std::span<const std::byte> bytes, at::Device device)
    : name_(std::move(name)), device_(device) {
  guarded(ErrorCode::kCorruptPackage, cat("loading ", quote(spec.file)), [&] {
    const ComputeScope scope(0);
    module_ = load_frozen(name_, spec, bytes, device);
    for (const auto& [method_name, method_spec] : spec.methods) {
      auto graph = module_.get_method(method_name).graph()->copy();
      torch::jit::Inline(*graph);
      refuse_writes(graph, cat("towers.", name_, ".methods.", method_name));
      const std::size_t declared = method_spec.inputs.size() + 1;  // and the module itself
      if (graph->inputs().size() != declared || graph->outputs().size() != 1) {
        fail(ErrorCode::kCorruptPackage, "towers.", name_, ".methods.", method_name, ": expected ",
             method_spec.inputs.size(), " inputs and 1 output in ", quote(spec.file), ", got ",
             graph->inputs().size() - 1, " and ", graph->outputs().size());
      }
      methods_.emplace(method_name,
                       Method{method_spec, torch::jit::Code(std::move(graph), method_name)});
    }
  });
}

at::Tensor ScriptModule::run(std::string_view method, std::vector<at::Tensor> inputs) const {
  const auto found = methods_.find(method);
  if (found == methods_.end()) {
    fail(ErrorCode::kNotFound, "the ", name_, " tower has no method ", quote(method));
  }
  const auto& [spec, code] = found->second;
  const std::string where = cat("towers.", name_, ".", method);
  GLINT_CHECK(inputs.size() == spec.inputs.size());
  Symbols symbols;
  torch::jit::Stack stack{module_._ivalue()};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check_port(ErrorCode::kInvalidArgument, where, inputs[i], spec.inputs[i], symbols);
    stack.emplace_back(inputs[i].to(device_));
  }
  torch::jit::InterpreterState(code).run(stack);
  if (stack.size() != 1 || !stack.front().isTensor()) {
    fail(ErrorCode::kCorruptPackage, where, ": expected one tensor, got something else");
  }
  at::Tensor output = std::move(stack.front()).toTensor();
  check_port(ErrorCode::kCorruptPackage, where, output, spec.outputs.front(), symbols);
  return output;
}

}  // namespace glint
