#include <ATen/Context.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "core/check.h"
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

class TorchTowers final : public Towers {
 public:
  TorchTowers(const Package& package, std::optional<Tokenizer> tokenizer,
              const TowersOptions& options)
      : package_(package), options_(options), tokenizer_(std::move(tokenizer)) {
    const at::Device device = torch_device(options.device);
    for (const auto& [name, spec] : package.manifest().towers) {
      modules_.emplace(std::piecewise_construct, std::forward_as_tuple(name),
                       std::forward_as_tuple(name, spec, package.file(spec.file), device));
    }
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

  Tensor image(const Tensor& pixels) const override {
    return run("image", "forward", {unwrap(pixels, "pixels")});
  }

  std::vector<std::int64_t> tokenize(std::string_view text) const override {
    return tokenizer().encode(text);
  }

  Tensor embed(const Tensor& ids) const override {
    return run("text", "embed", {checked_ids(ids)});
  }

  Tensor text(const TextInput& input) const override {
    if (input.ids.empty() == input.embeddings.empty()) {
      fail(ErrorCode::kInvalidArgument, "expected either ids or embeddings, got ",
           input.ids.empty() ? "neither" : "both");
    }
    if (!input.ids.empty()) {
      const at::Tensor& ids = checked_ids(input.ids);
      check_end_tokens(ids);
      return run("text", "forward", {ids});
    }
    const at::Tensor& embeddings = unwrap(input.embeddings, "embeddings");
    const at::Tensor& eot = unwrap(input.eot, "eot");
    const std::int64_t length = embeddings.dim() == 3 ? embeddings.size(1) : 0;
    check_length(length);
    check_range(eot, "eot positions", length);
    return run("text", "forward_embedded", {embeddings, eot});
  }

 private:
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

  const at::Tensor& checked_ids(const Tensor& tensor) const {
    const at::Tensor& ids = unwrap(tensor, "ids");
    check_range(ids, "ids", tokenizer().vocab_size());
    check_length(ids.dim() == 2 ? ids.size(1) : 0);
    return ids;
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

  Tensor run(std::string_view tower, std::string_view method,
             std::vector<at::Tensor> inputs) const {
    const auto found = modules_.find(tower);
    if (found == modules_.end()) {
      fail(ErrorCode::kUnsupported, "package ", quote(manifest().name), " has no ", tower,
           " tower");
    }
    const bool cpu = options_.device.kind == Device::Kind::kCpu;
    const auto code = cpu ? ErrorCode::kCorruptPackage : ErrorCode::kDevice;
    return guarded(code, cat("running the ", tower, " tower"), [&] {
      const ComputeScope scope(options_.threads);
      return wrap(found->second.run(method, std::move(inputs)));
    });
  }

  Package package_;
  TowersOptions options_;
  std::optional<Tokenizer> tokenizer_;
  std::map<std::string, ScriptModule, std::less<>> modules_;
  std::map<std::string, Preprocessor, std::less<>> preprocessors_;
};

}  // namespace

Towers::~Towers() = default;

std::shared_ptr<const Towers> load_towers(const Package& package,
                                          std::optional<Tokenizer> tokenizer,
                                          const TowersOptions& options) {
  return std::make_shared<const TorchTowers>(package, std::move(tokenizer), options);
}

}  // namespace glint
