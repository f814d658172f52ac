// One TorchScript file, loaded, frozen and ready to be run by many threads.
//
// A frozen method is a graph whose weights are constants. We compile it once and hand it straight
// to TorchScript's interpreter: the profiling executor, which would specialise graphs to the
// shapes it sees, stall on new ones and keep process-wide switches, is never involved.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <glint/package.h>
#include <glint/precision.h>
#include <glint/report.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/interpreter.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/passes/passes.h"
#include "runtime/script_archive.h"
#include "runtime/tower_weights.h"

namespace glint {

// Immutable after construction; run() may be called concurrently.
class ScriptModule {
 public:
  // Loads an archive (already verified), widens the weights from spec.storage to f32, moves them to
  // `device`, freezes the declared methods and, on the CPU, rewrites them to compute in
  // `precision`, which this CPU must have. `name` is the tower's, for messages. Computes with
  // `threads` CPU threads (0: as many as the host has set). Throws Error(kCorruptPackage) when the
  // archive does not hold what `spec` declares.
  ScriptModule(std::string name, const TowerSpec& spec, const SharedArchive& archive,
               at::Device device, Precision precision = Precision::kExact, int threads = 0);

  // The same, and lets the archive go, which nobody else has: a module that would keep some of it
  // (a list of tensors, say) is loaded from a copy.
  static ScriptModule letting_go(const std::string& name, const TowerSpec& spec,
                                 SharedArchive archive, at::Device device, Precision precision,
                                 int threads);

  // The declaration of a method. Throws Error(kNotFound).
  const MethodSpec& method(std::string_view name) const;

  // Runs a declared method on inputs in the order of its ports; gives its outputs likewise. Checks
  // both sides against the manifest; a symbol has one size in all ports of a call.
  // Throws Error: kInvalidArgument (inputs), kCorruptPackage (outputs), kDevice, kOutOfMemory.
  std::vector<at::Tensor> run(std::string_view method, std::vector<at::Tensor> inputs) const;

  const TowerReport& report() const { return report_; }

 private:
  struct Method {
    MethodSpec spec;
    torch::jit::Code code;
  };
  std::string name_;
  at::Device device_;
  c10::IValue self_;  // the frozen module, or none where no method asks for it
  std::map<std::string, Method, std::less<>> methods_;
  TowerReport report_;

  const Method& find(std::string_view name) const;
  void compile(const torch::jit::Module& module, const std::string& name, const MethodSpec& spec,
               const std::string& file, passes::PackedLayers& layers, LastingConstants& constants);
};

}  // namespace glint
