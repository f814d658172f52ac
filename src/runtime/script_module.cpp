#include "runtime/script_module.h"

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/passes/freeze_module.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/graph_iterator.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>

#include "core/call_memory.h"
#include "core/check.h"
#include "runtime/guard.h"

namespace glint {
namespace {

// The module, with its weights as they are stored, on the device.
torch::jit::Module load(const std::string& tower, const TowerSpec& spec,
                        const SharedArchive& archive, at::Device device) {
  torch::jit::Module module = read_script(archive, quote(spec.file), device);
  for (const auto& [name, method] : spec.methods) {
    if (!module.find_method(name)) {
      fail(ErrorCode::kCorruptPackage, "towers.", tower, ".methods.", name,
           ": declared, but absent from ", quote(spec.file));
    }
  }
  module.eval();
  check_storage(module, spec, tower);
  return module;
}

torch::jit::Module freeze(const torch::jit::Module& module, const TowerSpec& spec) {
  std::vector<std::string> kept;  // "forward" is kept anyway
  for (const auto& [name, method] : spec.methods) {
    if (name != "forward") kept.push_back(name);
  }
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

// The sizes that the symbols of one call turned out to have.
class Symbols {
 public:
  bool agrees(const std::string& symbol, std::int64_t size) {
    for (const auto& [known, known_size] : sizes_) {
      if (*known == symbol) return known_size == size;
    }
    sizes_.emplace_back(&symbol, size);
    return true;
  }

 private:
  std::vector<std::pair<const std::string*, std::int64_t>> sizes_;  // a handful at most
};

bool matches(const at::Tensor& value, const Port& port, Symbols& symbols) {
  const auto dtype = port.dtype == DType::kI64 ? at::kLong : at::kFloat;
  if (value.scalar_type() != dtype || value.dim() != static_cast<int64_t>(port.shape.size())) {
    return false;
  }
  for (std::size_t i = 0; i < port.shape.size(); ++i) {
    const std::int64_t got = value.size(static_cast<std::int64_t>(i));
    const PortSize& wanted = port.shape[i];
    const bool fits =
        wanted.symbol.empty() ? got == wanted.size : symbols.agrees(wanted.symbol, got);
    if (!fits || (wanted.most > 0 && got > wanted.most)) return false;
  }
  return true;
}

void check_port(ErrorCode code, const std::string& where, const at::Tensor& value, const Port& port,
                Symbols& symbols) {
  if (matches(value, port, symbols)) return;
  fail(code, where, ": expected ", to_string(port), ", got ", c10::toString(value.scalar_type()),
       " ", shape_text(value.sizes()));
}

// The tensors that a method returned: one, or a tuple of several.
std::vector<at::Tensor> outputs_of(torch::jit::Stack& stack, const MethodSpec& spec,
                                   const std::string& where) {
  std::vector<at::Tensor> outputs;
  if (stack.size() == 1 && stack.front().isTensor()) {
    outputs.push_back(std::move(stack.front()).toTensor());
  } else if (stack.size() == 1 && stack.front().isTuple()) {
    for (const c10::IValue& value : stack.front().toTupleRef().elements()) {
      if (value.isTensor()) outputs.push_back(value.toTensor());
    }
  }
  if (outputs.size() != spec.outputs.size()) {
    fail(ErrorCode::kCorruptPackage, where, ": expected ", spec.outputs.size(),
         spec.outputs.size() == 1 ? " tensor" : " tensors", ", got ",
         outputs.empty() ? "something else" : std::to_string(outputs.size()));
  }
  return outputs;
}

std::map<std::string, std::int64_t> count_kinds(std::shared_ptr<torch::jit::Graph> graph) {
  std::map<std::string, std::int64_t> kinds;
  torch::jit::DepthFirstGraphNodeIterator nodes(graph);
  for (const auto* node = nodes.next(); node != nullptr; node = nodes.next())
    ++kinds[node->kind().toQualString()];
  return kinds;
}

std::int64_t sum_of(const std::map<std::string, std::int64_t>& kinds) {
  std::int64_t sum = 0;
  for (const auto& [kind, count] : kinds) sum += count;
  return sum;
}

std::int64_t count_weights(const torch::jit::Module& module) {
  std::int64_t count = 0;
  for (const at::Tensor& value : module.parameters(true)) count += value.numel();
  for (const at::Tensor& value : module.buffers(true)) count += value.numel();
  return count;
}

passes::Arithmetic arithmetic(Precision precision) {
  const Operands half = has_operands(Operands::kBf16) ? Operands::kBf16 : Operands::kF32;
  if (precision == Precision::kCompact) return {Operands::kInt8, half};
  if (precision == Precision::kFast) return {half, half};
  return {};
}

std::string compute_of(Precision precision) {
  return precision == Precision::kCompact ? "int8" : precision == Precision::kFast ? "bf16" : "f32";
}

}  // namespace

ScriptModule::ScriptModule(std::string name, const TowerSpec& spec, const SharedArchive& archive,
                           at::Device device, Precision precision, int threads)
    : name_(std::move(name)), device_(device) {
  guarded(ErrorCode::kCorruptPackage, cat("loading ", quote(spec.file)), [&] {
    const ComputeScope scope(threads);
    const auto start = std::chrono::steady_clock::now();
    report_ = {.name = name_,
               .storage = std::string(to_string(spec.storage)),
               .compute = compute_of(precision),
               .passes = {"freeze", "inline"}};
    torch::jit::Module loaded = load(name_, spec, archive, device);
    report_.weights = count_weights(loaded);
    WeightUses uses;
    for (const auto& [method_name, method_spec] : spec.methods) {
      auto graph = loaded.get_method(method_name).graph()->copy();
      torch::jit::Inline(*graph);
      uses.add(graph);
      auto kinds = count_kinds(graph);
      report_.methods.push_back(
          {.name = method_name, .nodes_loaded = sum_of(kinds), .kinds_loaded = std::move(kinds)});
    }
    if (device.is_cpu()) {
      widen_weights(loaded, uses);
    } else {
      widen_weights(loaded);  // no pass packs them
    }
    const torch::jit::Module frozen = freeze(loaded, spec);
    passes::PackedLayers layers(arithmetic(precision));
    LastingConstants constants;
    for (const auto& [method_name, method_spec] : spec.methods) {
      compile(frozen, method_name, method_spec, spec.file, layers, constants);
    }
    report_.fallbacks = layers.refusals();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    report_.load_ms = took.count();
  });
}

ScriptModule ScriptModule::letting_go(const std::string& name, const TowerSpec& spec,
                                      SharedArchive archive, at::Device device, Precision precision,
                                      int threads) {
  const std::weak_ptr<const void> owner = archive.owner;
  const auto bytes = archive.bytes;
  ScriptModule module(name, spec, archive, device, precision, threads);
  archive = {};
  if (owner.expired()) return module;
  const auto copy = std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
  return ScriptModule(name, spec, {*copy, copy}, device, precision, threads);
}

void ScriptModule::compile(const torch::jit::Module& module, const std::string& name,
                           const MethodSpec& spec, const std::string& file,
                           passes::PackedLayers& layers, LastingConstants& constants) {
  auto graph = module.get_method(name).graph()->copy();
  torch::jit::Inline(*graph);
  const std::string where = cat("towers.", name_, ".methods.", name);
  refuse_writes(graph, where);
  const std::size_t declared = spec.inputs.size() + 1;  // and the module itself
  if (graph->inputs().size() != declared || graph->outputs().size() != 1) {
    fail(ErrorCode::kCorruptPackage, where, ": expected ", spec.inputs.size(), " inputs in ",
         quote(file), ", got ", graph->inputs().size() - 1);
  }
  if (device_.is_cpu()) {
    for (std::string& pass : passes::run(graph, layers)) {
      if (std::ranges::find(report_.passes, pass) == report_.passes.end()) {
        report_.passes.push_back(std::move(pass));
      }
    }
  }
  constants.take_over(graph);
  // The frozen module holds the plain weights too: it goes, unless a method needs it.
  if (graph->inputs().front()->hasUses()) {
    widen_weights(module);
    self_ = module._ivalue();
  }
  MethodReport& report = *std::ranges::find(report_.methods, name, &MethodReport::name);
  report.kinds_executed = count_kinds(graph);
  report.nodes_executed = sum_of(report.kinds_executed);
  methods_.emplace(name, Method{spec, torch::jit::Code(std::move(graph), name)});
}

const ScriptModule::Method& ScriptModule::find(std::string_view name) const {
  const auto found = methods_.find(name);
  if (found == methods_.end()) {
    fail(ErrorCode::kNotFound, "the ", name_, " tower has no method ", quote(name));
  }
  return found->second;
}

const MethodSpec& ScriptModule::method(std::string_view name) const { return find(name).spec; }

std::vector<at::Tensor> ScriptModule::run(std::string_view method,
                                          std::vector<at::Tensor> inputs) const {
  const auto& [spec, code] = find(method);
  const std::string where = cat("towers.", name_, ".", method);
  GLINT_CHECK(inputs.size() == spec.inputs.size());
  Symbols symbols;
  torch::jit::Stack stack{self_};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check_port(ErrorCode::kInvalidArgument, where, inputs[i], spec.inputs[i], symbols);
    stack.emplace_back(inputs[i].to(device_));
  }
  {
    const CallMemory memory;
    torch::jit::InterpreterState(code).run(stack);
  }
  std::vector<at::Tensor> outputs = outputs_of(stack, spec, where);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    check_port(ErrorCode::kCorruptPackage, where, outputs[i], spec.outputs[i], symbols);
  }
  return outputs;
}

}  // namespace glint
