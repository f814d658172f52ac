// A loaded package: the whole library in one class.
#pragma once

#include <glint/device.h>
#include <glint/export.h>
#include <glint/head.h>
#include <glint/image.h>
#include <glint/package.h>
#include <glint/precision.h>
#include <glint/prediction.h>
#include <glint/progress.h>
#include <glint/report.h>
#include <glint/towers.h>

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace glint {

struct ModelOptions {
  std::string device = "cpu";   // "cpu", "cuda", "cuda:N"
  std::int64_t max_batch = 32;  // images, or texts of 32 ids, that go through a tower at once; >= 1
  int threads = 0;  // CPU threads one call computes with; 0: as many as the host has set
  Precision precision = Precision::kExact;  // asked for; report() tells what the model computes in
  HeadFactories heads{};                    // of the application's own
  LogFn log{};                              // told what loading does and how long it takes
  std::stop_token stop{};  // of load(): checked between files and towers; Error(kCancelled)
  ProgressFn progress{};   // of load(): in bytes verified
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
  std::string task{};      // whose preprocess images get; empty: classify's, or the first task's
  std::stop_token stop{};  // checked between batches; Error(kCancelled)
  ProgressFn progress{};   // in images or texts
};

// A loaded model of any family. Immutable after load(), cheap to copy, and all const methods may
// run concurrently on one instance, with the results of serial calls. It holds the weights once, as
// its precision computes with them (kExact: f32, or f16 where that holds them as they are); share it.
// The host program's thread, ATen and OpenCV settings are left as they are.
class GLINT_API Model {
 public:
  // Opens and verifies the package, then loads its towers onto the device. Programs that want to
  // change the towers' files meanwhile wait for it (OpenOptions::in_place).
  // Throws Error: those of Package::open, kDevice (no such device), kCorruptPackage (a tower lacks
  // a declared method, stores another dtype or keeps state; what a method returns is checked
  // whenever it runs), kUnsupported (a head of an unknown type; kFast on a GPU), kInvalidArgument
  // (an option out of range), kCancelled.
  static Model load(const std::string& package_path, const ModelOptions& options = {});
  static Model load(const Package& package, const ModelOptions& options = {});

  const Manifest& manifest() const { return package().manifest(); }
  const Package& package() const;  // in its form without_towers()
  // Those of the options that it was loaded with.
  const HeadFactories& heads() const;

  // Encodes the words of a question, once for any number of images. No labels: the package's
  // classes.json. Templates: the package's own unless given. Task: the only one unless given.
  // Throws Error(kInvalidArgument) for no, empty or repeated labels, or a template without "{}".
  TextState prepare(const std::vector<std::string>& labels = {},
                    const std::vector<std::string>& templates = {},
                    std::string_view task = {}) const;
  TextState prepare(const TextQuery& query, std::string_view task = {}) const;

  // Answers for one image, or for many in their order; max_batch of them are computed and held at
  // once. A class bank that another model made is refused.
  // Throws Error: kInvalidArgument (a bank of another model), kInvalidArgument or kUnsupported (an
  // image that cannot be preprocessed; of several, its position is named), kCancelled,
  // kOutOfMemory.
  Prediction predict(const ImageView& image, const TextState& text,
                     const PredictOptions& options = {}) const;
  std::vector<Prediction> predict(std::span<const ImageView> images, const TextState& text,
                                  const PredictOptions& options = {}) const;

  // Encodes an image once, to be asked several questions with the second function.
  ImageState encode(const ImageView& image, const PredictOptions& options = {}) const;
  // The same for pixels [B, 3, H, W] f32 that the caller has preprocessed: one state an image.
  // Throws Error(kUnsupported) when the task's head needs the picture itself.
  std::vector<ImageState> encode_pixels(const Tensor& pixels,
                                        const PredictOptions& options = {}) const;
  Prediction predict(const ImageState& image, const TextState& text,
                     const PredictOptions& options = {}) const;

  // images, texts -> [count, D]; none gives [0, D].
  Embeddings encode_images(std::span<const ImageView> images,
                           const EncodeOptions& options = {}) const;
  Embeddings encode_texts(std::span<const std::string> texts,
                          const EncodeOptions& options = {}) const;

  // Runs the encoders once on an empty picture and a short text, so that the first real call finds
  // memory and code in place. Does nothing that a later call depends on.
  void warm_up() const;

  // What this model is made of and how it computes.
  ModelReport report() const;

  // Throws Error(kInvalidArgument), which says what differs, when another model made the bank.
  void check_bank(const ClassBank& bank, std::string_view task = {}) const;
  // What a class bank of this model's task is made by.
  BankSource bank_source(std::string_view task = {}) const;

  // The parts, for callers who want them. Valid while any copy of this model lives.
  const Towers& towers() const;
  // Of the named task; empty: of classify, or the first task. Throws Error(kNotFound).
  Preprocessor preprocessor(std::string_view task = {}) const;
  // Throws Error(kUnsupported) when the package has no text tower.
  Tokenizer tokenizer() const;

 private:
  struct Impl;
  explicit Model(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace glint
