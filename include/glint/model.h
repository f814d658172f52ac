// A loaded package: the whole library in one class.
#pragma once

#include <glint/device.h>
#include <glint/export.h>
#include <glint/head.h>
#include <glint/image.h>
#include <glint/package.h>
#include <glint/prediction.h>
#include <glint/towers.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace glint {

struct ModelOptions {
  std::string device = "cpu";   // "cpu", "cuda", "cuda:N"
  std::int64_t max_batch = 32;  // images or texts that go through a tower at once, at least 1
  int threads = 0;  // CPU threads one call computes with; 0: as many as the host has set
};

// Rows in input order.  values [count, embed_dim] f32, row-major.
struct Embeddings {
  std::int64_t count = 0;
  std::int64_t embed_dim = 0;
  bool normalized = false;  // rows have unit L2 norm
  std::vector<float> values;
  std::span<const float> row(std::int64_t i) const {
    return std::span(values).subspan(static_cast<std::size_t>(i * embed_dim),
                                     static_cast<std::size_t>(embed_dim));
  }
};

struct EncodeOptions {
  bool normalize = true;   // unit L2 norm
  std::stop_token stop{};  // checked between batches; Error(kCancelled)
  ProgressFn progress{};   // in images or texts
};

// A loaded model of any family. Immutable after load(), cheap to copy, and all const methods may
// run concurrently on one instance, with the results of serial calls. It holds the weights in f32
// beside the package's bytes; share it. The host program's thread, ATen and OpenCV settings are left as they are.
class GLINT_API Model {
 public:
  // Opens and verifies the package, then loads its towers onto the device.
  // Throws Error: those of Package::open, kDevice (no such device), kCorruptPackage (a tower lacks
  // a declared method, stores another dtype or keeps state; what a method returns is checked
  // whenever it runs), kInvalidArgument (an option out of range).
  static Model load(const std::string& package_path, const ModelOptions& options = {});
  static Model load(const Package& package, const ModelOptions& options = {});

  const Manifest& manifest() const { return package().manifest(); }
  const Package& package() const;

  // Encodes the words of a question, once for any number of images. No labels: the package's
  // classes.json. Templates: the package's own unless given.
  // Throws Error(kInvalidArgument) for no, empty or repeated labels, or a template without "{}".
  TextState prepare(const std::vector<std::string>& labels,
                    const std::vector<std::string>& templates = {}) const;
  TextState prepare(const TextQuery& query, std::string_view task = {}) const;

  // Answers for one image, or for many in their order (batched).
  // Throws Error: kInvalidArgument or kUnsupported (an image that cannot be preprocessed; of
  // several, its position is named), kCancelled, kOutOfMemory.
  Prediction predict(const ImageView& image, const TextState& text,
                     const PredictOptions& options = {}) const;
  std::vector<Prediction> predict(std::span<const ImageView> images, const TextState& text,
                                  const PredictOptions& options = {}) const;

  // Encodes an image once, to be asked several questions with the second function.
  ImageState encode(const ImageView& image, const PredictOptions& options = {}) const;
  Prediction predict(const ImageState& image, const TextState& text,
                     const PredictOptions& options = {}) const;

  // images, texts -> [count, D]; none gives [0, D]. Images use the preprocess of the first task.
  Embeddings encode_images(std::span<const ImageView> images,
                           const EncodeOptions& options = {}) const;
  Embeddings encode_texts(std::span<const std::string> texts,
                          const EncodeOptions& options = {}) const;

  // The parts, for callers who want them. Valid while any copy of this model lives.
  const Towers& towers() const;
  // Of the first task, or the named one. Throws Error(kNotFound).
  Preprocessor preprocessor(std::string_view task = {}) const;
  // Throws Error(kUnsupported) when the package has no text tower.
  Tokenizer tokenizer() const;

 private:
  struct Impl;
  explicit Model(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace glint
