#include "package/reference.h"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "core/check.h"
#include "package/json_reader.h"

namespace glint {
namespace {

constexpr std::int64_t kAnyLength = -1;  // 2 to the context length

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t size : shape) text += cat(text.size() > 1 ? ", " : "", size);
  return text + "]";
}

class ReferenceChecker {
 public:
  ReferenceChecker(const StoredTensors& tensors, std::int64_t context, Problems& problems)
      : tensors_(tensors), context_(context), problems_(problems) {}

  void expect(const std::string& name, DType dtype, const std::vector<std::int64_t>& shape) {
    expected_.insert(name);
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) {
      problems_.add(name, "missing");
      return;
    }
    const StoredTensor& tensor = found->second;
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

  void refuse_others() {
    for (const auto& [name, tensor] : tensors_) {
      if (!expected_.contains(name)) problems_.add(quote(name), "unknown tensor");
    }
  }

 private:
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

}  // namespace

void check_reference(const StoredTensors& tensors, const Manifest& manifest,
                     std::string_view where) {
  Problems problems;
  const std::int64_t context = manifest.tokenizer ? manifest.tokenizer->context_length : 0;
  ReferenceChecker checker(tensors, context, problems);
  const auto images = static_cast<std::int64_t>(manifest.reference.images.size());
  const auto texts = static_cast<std::int64_t>(manifest.reference.texts.size());
  // Every preprocess makes pixels of the same size: the image tower's.
  const PreprocessSpec& preprocess = manifest.preprocess.begin()->second;
  for (std::int64_t i = 0; i < images; ++i) {
    checker.expect(cat("pixels.", i), DType::kF32, {3, preprocess.height, preprocess.width});
  }
  checker.expect("image_embedding", DType::kF32, {images, manifest.embed_dim});
  if (manifest.tokenizer) {
    for (std::int64_t i = 0; i < texts; ++i) {
      checker.expect(cat("ids.", i), DType::kI64, {kAnyLength});
    }
    checker.expect("text_embedding", DType::kF32, {texts, manifest.embed_dim});
    checker.expect("logits", DType::kF32, {images, texts});
  }
  checker.refuse_others();
  problems.throw_if_any(ErrorCode::kCorruptPackage, where);
}

}  // namespace glint
