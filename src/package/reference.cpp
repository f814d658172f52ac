#include "package/reference.h"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "core/check.h"
#include "package/json_reader.h"
#include "package/ports.h"

namespace glint {
namespace {

constexpr std::int64_t kAnyLength = -1;  // 2 to the context length

class ReferenceChecker {
 public:
  ReferenceChecker(const StoredTensors& tensors, std::int64_t context, Problems& problems)
      : tensors_(tensors), context_(context), problems_(problems) {}

  void expect(const std::string& name, DType dtype, const std::vector<std::int64_t>& shape) {
    const StoredTensor* const stored = look_up(name);
    if (stored == nullptr) return;
    const StoredTensor& tensor = *stored;
    const bool same_kind = (tensor.dtype == DType::kI64) == (dtype == DType::kI64);
    if (same_kind && tensor.dtype != DType::kF16 && fits(tensor.shape, shape)) return;
    const std::string wanted = shape.size() == 1 && shape[0] == kAnyLength
                                   ? cat("[2 to ", context_, "]")
                                   : shape_text(shape);
    problems_.add(name, cat("expected ", dtype == DType::kI64 ? "I64 " : "F32 ", wanted, ", got ",
                            tensor.dtype == DType::kI64   ? "I64 "
                            : tensor.dtype == DType::kF16 ? "F16 "
                                                          : "F32 ",
                            shape_text(tensor.shape)));
  }

  // A port's tensor; symbols may have any size of at least 1.
  void expect(const std::string& name, const Port& port) {
    const StoredTensor* const stored = look_up(name);
    if (stored == nullptr) return;
    const StoredTensor& tensor = *stored;
    bool same = tensor.dtype == port.dtype && tensor.shape.size() == port.shape.size();
    for (std::size_t i = 0; same && i < port.shape.size(); ++i) {
      const PortSize& size = port.shape[i];
      same = size.symbol.empty() ? tensor.shape[i] == size.size : tensor.shape[i] > 0;
    }
    if (!same) {
      problems_.add(name, cat("expected ", to_string(port), ", got ", to_string(tensor.dtype), " ",
                              shape_text(tensor.shape)));
    }
  }

  void refuse_others() {
    for (const auto& [name, tensor] : tensors_) {
      if (!expected_.contains(name)) problems_.add(quote(name), "unknown tensor");
    }
  }

 private:
  // nullptr, with a problem, when there is none.
  const StoredTensor* look_up(const std::string& name) {
    expected_.insert(name);
    const auto found = tensors_.find(name);
    if (found != tensors_.end()) return &found->second;
    problems_.add(name, "missing");
    return nullptr;
  }

  bool fits(const std::vector<std::int64_t>& got, const std::vector<std::int64_t>& wanted) const {
    if (wanted.size() == 1 && wanted[0] == kAnyLength) {
      return got.size() == 1 && got[0] >= 2 && got[0] <= context_;
    }
    return got == wanted;
  }

  const StoredTensors& tensors_;
  std::int64_t context_;
  Problems& problems_;
  std::set<std::string, std::less<>> expected_;
};

void expect_calls(ReferenceChecker& checker, const Manifest& manifest) {
  const auto& calls = manifest.reference.calls;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const TowerSpec& tower = manifest.towers.find(calls[i].tower)->second;
    const MethodSpec& method = tower.methods.find(calls[i].method)->second;
    for (const Port& port : method.inputs) checker.expect(call_input(i, port.name), port);
    for (const Port& port : method.outputs) checker.expect(call_output(i, port.name), port);
  }
}

}  // namespace

std::string call_input(std::size_t call, std::string_view port) {
  return cat("calls.", call, ".inputs.", port);
}

std::string call_output(std::size_t call, std::string_view port) {
  return cat("calls.", call, ".outputs.", port);
}

void check_reference(const StoredTensors& tensors, const Manifest& manifest,
                     std::string_view where) {
  Problems problems;
  const std::int64_t context = manifest.tokenizer ? manifest.tokenizer->context_length : 0;
  ReferenceChecker checker(tensors, context, problems);
  const auto images = static_cast<std::int64_t>(manifest.reference.images.size());
  const auto texts = static_cast<std::int64_t>(manifest.reference.texts.size());
  const PreprocessSpec& preprocess = manifest.preprocess.find(main_preprocess(manifest))->second;
  for (std::int64_t i = 0; i < images; ++i) {
    checker.expect(cat("pixels.", i), DType::kF32, {3, preprocess.height, preprocess.width});
  }
  const bool embeds = has_output(manifest.towers.find("image")->second, "forward", "embedding");
  if (embeds && images > 0)
    checker.expect("image_embedding", DType::kF32, {images, manifest.embed_dim});
  if (texts > 0) {
    for (std::int64_t i = 0; i < texts; ++i) {
      checker.expect(cat("ids.", i), DType::kI64, {kAnyLength});
    }
    checker.expect("text_embedding", DType::kF32, {texts, manifest.embed_dim});
    if (embeds && images > 0) checker.expect("logits", DType::kF32, {images, texts});
  }
  expect_calls(checker, manifest);
  checker.refuse_others();
  problems.throw_if_any(ErrorCode::kCorruptPackage, where);
}

}  // namespace glint
