#include <ATen/Context.h>
#include <ATen/ops/empty.h>

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "core/check.h"
#include "core/in_threads.h"
#include "kernels/packed_matmul.h"
#include "runtime/guard.h"
#include "runtime/load_towers.h"
#include "runtime/script_module.h"
#include "runtime/tensor_impl.h"

namespace glint {
namespace {

at::Device torch_device(const Device& device) {
  const auto known = available_devices();
  if (std::find(known.begin(), known.end(), to_string(device)) == known.end()) {
    fail(ErrorCode::kDevice, "no device ", to_string(device),
         " here: ", at::hasCUDA() ? "LibTorch sees fewer GPUs" : "LibTorch was linked without CUDA",
         "; available: ", known.size() == 1 ? "cpu" : cat("cpu to ", known.back()));
  }
  if (device.kind == Device::Kind::kCpu) return at::Device(at::kCPU);
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(device.index));
}

// The precision that was asked for, or the next exacter one that this machine has.
Precision available(const TowersOptions& options) {
  const Precision wanted = options.precision;
  if (wanted == Precision::kExact) return wanted;
  if (options.device.kind != Device::Kind::kCpu) {
    fail(ErrorCode::kUnsupported, "precision ", to_string(wanted), " computes on the CPU, got ",
         "device ", to_string(options.device));
  }
  if (wanted == Precision::kCompact && has_operands(Operands::kInt8)) return wanted;
  const Precision found = has_operands(Operands::kBf16) ? Precision::kFast : Precision::kExact;
  if (found != wanted && options.log) {
    options.log(cat("this CPU has no instructions for ", to_string(wanted), ": computing ",
                    to_string(found)));
  }
  return found;
}

class TorchTowers final : public Towers {
 public:
  TorchTowers(const Package& package, const TowersOptions& options)
      : package_(package.without_towers()), options_(options), precision_(available(options)) {
    load_parts(package, torch_device(options.device));
    for (const auto& [name, spec] : package.manifest().preprocess) {
      preprocessors_.emplace(name, Preprocessor(spec));
    }
  }

  const Manifest& manifest() const override { return package_.manifest(); }
  std::int64_t max_batch() const override { return options_.max_batch; }

  Tensor pixels(std::span<const ImageView> images, std::string_view preprocess) const override {
    const auto found = preprocessors_.find(preprocess);
    if (found == preprocessors_.end()) {
      fail(ErrorCode::kNotFound, "the package has no preprocess ", quote(preprocess));
    }
    const Preprocessor& preprocessor = found->second;
    const PreprocessSpec& spec = preprocessor.spec();
    return guarded(ErrorCode::kInternal, "preprocessing images", [&] {
      const ComputeScope scope(0);
      const auto count = static_cast<std::int64_t>(images.size());
      at::Tensor batch = at::empty({count, 3, spec.height, spec.width}, at::kFloat);
      auto* out = batch.mutable_data_ptr<float>();
      const auto size = static_cast<std::size_t>(preprocessor.size());
      for (std::size_t i = 0; i < images.size(); ++i) {
        preprocessor(images[i], {out + i * size, size});
      }
      return wrap(std::move(batch));
    });
  }

  std::vector<std::int64_t> tokenize(std::string_view text) const override {
    return tokenizer().encode(text);
  }

  NamedTensors call(std::string_view tower, std::string_view method,
                    const NamedTensors& inputs) const override {
    const auto found = modules_.find(tower);
    if (found == modules_.end()) {
      fail(tower == "text" ? ErrorCode::kUnsupported : ErrorCode::kNotFound, "package ",
           quote(manifest().name), " has no tower ", quote(tower));
    }
    const ScriptModule& module = found->second;
    const MethodSpec& spec = module.method(method);
    std::vector<at::Tensor> ordered =
        in_port_order(spec, inputs, cat("towers.", tower, ".", method));
    check_numbers(spec, ordered, tower == "text" && method == "forward");
    const bool cpu = options_.device.kind == Device::Kind::kCpu;
    const auto code = cpu ? ErrorCode::kCorruptPackage : ErrorCode::kDevice;
    return guarded(code, cat("running the ", tower, " tower"), [&] {
      const ComputeScope scope(options_.threads);
      std::vector<at::Tensor> outputs = module.run(method, std::move(ordered));
      NamedTensors named;
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        named.emplace(spec.outputs[i].name, wrap(std::move(outputs[i])));
      }
      return named;
    });
  }

  Precision precision() const { return precision_; }

  const std::optional<Tokenizer>& known_tokenizer() const { return tokenizer_; }

  std::vector<TowerReport> reports() const {
    std::vector<TowerReport> all;
    for (const auto& [name, module] : modules_) all.push_back(module.report());
    return all;
  }

 private:
  // Some towers at once, the threads shared among them: much of a tower's loading is not parallel.
  // The tokenizer, which is one thread's, comes behind them.
  void load_parts(const Package& package, at::Device device) {
    const auto& towers = package.manifest().towers;
    const auto threads = static_cast<std::size_t>(
        options_.threads > 0 ? options_.threads : std::max(1, omp_get_max_threads()));
    const std::size_t at_once = std::min(threads, towers.size());
    std::vector<std::optional<ScriptModule>> loaded(towers.size());
    in_threads(towers.size() + 1, at_once, [&](std::size_t i, std::size_t) {
      check_stop(options_.stop);
      if (i == towers.size()) {
        load_tokenizer(package);
        return;
      }
      const auto& [name, spec] = *std::next(towers.begin(), static_cast<std::ptrdiff_t>(i));
      loaded[i] = ScriptModule::letting_go(
          name, spec, {package.file(spec.file), std::make_shared<const Package>(package)}, device,
          precision_, static_cast<int>(threads / at_once));
    });
    for (std::size_t i = 0; const auto& [name, spec] : towers) {
      check_stop(options_.stop);
      const auto added = modules_.emplace(name, std::move(*loaded[i++])).first;
      log_loaded(added->second.report());
    }
  }

  void load_tokenizer(const Package& package) {
    const Manifest& manifest = package.manifest();
    if (!manifest.tokenizer) return;
    tokenizer_ = Tokenizer::clip_bpe(*manifest.tokenizer, package.file(manifest.merges_file));
  }

  const Tokenizer& tokenizer() const {
    if (!tokenizer_) {
      fail(ErrorCode::kUnsupported, "package ", quote(manifest().name), " has no text tower");
    }
    return *tokenizer_;
  }

  void check_length(std::int64_t length) const {
    const std::int64_t context = tokenizer().spec().context_length;
    if (length < 1 || length > context) {
      fail(ErrorCode::kInvalidArgument, "expected texts of 1 to ", context, " ids, got ", length);
    }
  }

  // The tower indexes with these numbers, so none may lie outside its tables.
  static void check_range(const at::Tensor& values, std::string_view what, std::int64_t end) {
    if (values.scalar_type() != at::kLong || !values.is_cpu()) {
      fail(ErrorCode::kInvalidArgument, "expected ", what, " as i64 on the CPU");
    }
    const auto* data = values.const_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < values.numel(); ++i) {
      if (data[i] < 0 || data[i] >= end) {
        fail(ErrorCode::kInvalidArgument, "expected ", what, " of 0 to ", end - 1, ", got ",
             data[i]);
      }
    }
  }

  static std::vector<at::Tensor> in_port_order(const MethodSpec& spec, const NamedTensors& inputs,
                                               const std::string& where) {
    std::vector<at::Tensor> ordered;
    for (const Port& port : spec.inputs) {
      const auto found = inputs.find(port.name);
      if (found == inputs.end()) {
        fail(ErrorCode::kInvalidArgument, where, ": expected an input ", port.name, ", got none");
      }
      ordered.push_back(unwrap(found->second, port.name));
    }
    for (const auto& [name, tensor] : inputs) {
      if (std::ranges::find(spec.inputs, name, &Port::name) == spec.inputs.end()) {
        fail(ErrorCode::kInvalidArgument, where, ": expected no input ", quote(name));
      }
    }
    return ordered;
  }

  // Numbers that a tower indexes with, wherever a port has their name: ids below the size of the
  // vocabulary, eot positions below the text length.
  void check_numbers(const MethodSpec& spec, const std::vector<at::Tensor>& inputs,
                     bool pools) const {
    std::int64_t length = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto& shape = spec.inputs[i].shape;
      for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        // One of another rank is refused with its port's shape, by the module.
        const bool ranks_agree = inputs[i].dim() == static_cast<std::int64_t>(shape.size());
        if (shape[axis].symbol != "L" || !ranks_agree) continue;
        length = inputs[i].size(static_cast<std::int64_t>(axis));
        check_length(length);
      }
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (spec.inputs[i].dtype != DType::kI64) continue;
      if (spec.inputs[i].name == "ids") {
        check_range(inputs[i], "ids", tokenizer().vocab_size());
        if (pools) check_end_tokens(inputs[i]);
      } else if (spec.inputs[i].name == "eot") {
        check_range(inputs[i], "eot positions", length);
      }
    }
  }

  // ids [B, L]: pooling needs an end token in each row.
  void check_end_tokens(const at::Tensor& ids) const {
    const auto* row = ids.const_data_ptr<std::int64_t>();
    const std::int64_t length = ids.size(1), end = tokenizer().spec().end_id;
    for (std::int64_t i = 0; i < ids.size(0); ++i, row += length) {
      if (std::find(row, row + length, end) == row + length) {
        fail(ErrorCode::kInvalidArgument, "expected the end token ", end, " in each text, got ",
             "none in text ", i);
      }
    }
  }

  void log_loaded(const TowerReport& report) const {
    if (!options_.log) return;
    options_.log(cat("loaded the ", report.name, " tower: ", report.weights, " weights stored as ",
                     report.storage, ", ", std::lround(report.load_ms), " ms"));
  }

  Package package_;
  TowersOptions options_;
  Precision precision_;
  std::optional<Tokenizer> tokenizer_;
  std::map<std::string, ScriptModule, std::less<>> modules_;
  std::map<std::string, Preprocessor, std::less<>> preprocessors_;
};

}  // namespace

LoadedTowers load_towers(const Package& package, const TowersOptions& options) {
  const auto towers = std::make_shared<const TorchTowers>(package, options);
  return {towers, towers->known_tokenizer(), towers->reports(), towers->precision()};
}

}  // namespace glint
