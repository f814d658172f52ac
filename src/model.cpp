#include <glint/model.h>
#include <glint/similarity.h>

#include <map>
#include <optional>

#include "bank_source.h"
#include "core/check.h"
#include "core/heap.h"
#include "core/threads.h"
#include "heads/registry.h"
#include "image_batches.h"
#include "package/ports.h"
#include "runtime/load_towers.h"

namespace glint {

struct Model::Impl {
  Package package;
  std::optional<Tokenizer> tokenizer;
  std::shared_ptr<const Towers> towers;
  HeadFactories heads;  // the application's
  ModelReport report;
  struct Task {
    std::shared_ptr<const Head> head;
    BankSource bank_source;
  };
  std::map<std::string, Task, std::less<>> tasks;

  const Manifest& manifest() const { return package.manifest(); }

  // The named task, or the only one.
  std::string_view task_name(std::string_view name) const {
    const auto& declared = manifest().tasks;
    const auto found = name.empty() ? declared.begin() : declared.find(name);
    if (found == declared.end()) {
      fail(ErrorCode::kNotFound, "package ", quote(manifest().name), " has no task",
           name.empty() ? "" : " ", name.empty() ? "" : quote(name));
    }
    if (name.empty() && declared.size() > 1) {
      fail(ErrorCode::kInvalidArgument, "package ", quote(manifest().name), " has ",
           declared.size(), " tasks; expected the name of one");
    }
    return found->first;
  }

  const std::string& preprocess_name(std::string_view task) const {
    if (task.empty()) return main_preprocess(manifest());
    return manifest().tasks.find(task_name(task))->second.preprocess;
  }

  const Task& task(std::string_view name) const { return tasks.find(task_name(name))->second; }

  std::vector<ImageState> encode(std::span<const ImageView> images,
                                 const PredictOptions& options) const {
    auto states = task(options.task).head->encode(images, *towers, options);
    check_states(states, images.size(), options.task);
    return states;
  }

  void check_states(const std::vector<ImageState>& states, std::size_t images,
                    std::string_view task) const {
    if (states.size() == images) return;
    fail(ErrorCode::kInvalidArgument, "task ", quote(task_name(task)),
         ": expected one state an image from its head, got ", states.size(), " for ", images);
  }

  // The task's head, once `text` is known to be none of another model's.
  const Head& head_for(const TextState& text, std::string_view name) const {
    const Task& known = task(name);
    if (const auto* const bank = std::get_if<ClassBank>(&text)) {
      check_bank_source(bank->source, known.bank_source);
    }
    return *known.head;
  }
};

namespace {

Embeddings finish(std::vector<float> rows, std::size_t count, std::int64_t embed_dim,
                  const EncodeOptions& options) {
  if (options.normalize) normalize_rows(rows, embed_dim);
  return {static_cast<std::int64_t>(count), embed_dim, options.normalize, std::move(rows)};
}

void check_options(const ModelOptions& options) {
  if (options.max_batch < 1 || options.max_batch > 65536) {
    fail(ErrorCode::kInvalidArgument, "max_batch: expected 1 to 65536, got ", options.max_batch);
  }
  if (options.threads < 0 || options.threads > 1024) {
    fail(ErrorCode::kInvalidArgument, "threads: expected 0 to 1024, got ", options.threads);
  }
}

}  // namespace

Model::Model(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Model Model::load(const std::string& package_path, const ModelOptions& options) {
  check_options(options);
  return load(Package::open(package_path, {.stop = options.stop,
                                           .progress = options.progress,
                                           .threads = options.threads,
                                           .in_place = true}),
              options);
}

Model Model::load(const Package& package, const ModelOptions& options) {
  return within_memory("loading a model", [&] {
    check_options(options);
    const Package kept = package.without_towers();  // LibTorch has them from load_towers on
    auto impl = std::make_shared<Impl>(Impl{kept, {}, {}, options.heads, {}, {}});
    const Manifest& manifest = impl->manifest();
    const Device device = parse_device(options.device);
    auto loaded = load_towers(package, {.device = device,
                                        .max_batch = options.max_batch,
                                        .threads = options.threads,
                                        .precision = options.precision,
                                        .log = options.log,
                                        .stop = options.stop});
    impl->towers = std::move(loaded.towers);
    impl->tokenizer = std::move(loaded.tokenizer);
    impl->report = {.package = manifest.name,
                    .device = to_string(device),
                    .threads = options.threads,
                    .precision = std::string(to_string(loaded.precision)),
                    .towers = std::move(loaded.reports)};
    for (const auto& [name, task] : manifest.tasks) {
      impl->tasks.emplace(
          name, Impl::Task{make_heads(kept, name, options.heads), bank_source_of(kept, name)});
    }
    return_freed_memory();  // a quarter of the weights, after they were packed
    return Model(std::move(impl));
  });
}

const Package& Model::package() const { return impl_->package; }
const HeadFactories& Model::heads() const { return impl_->heads; }
const Towers& Model::towers() const { return *impl_->towers; }

TextState Model::prepare(const std::vector<std::string>& labels,
                         const std::vector<std::string>& templates, std::string_view task) const {
  return within_memory("encoding labels",
                       [&] { return prepare({.labels = labels, .templates = templates}, task); });
}

TextState Model::prepare(const TextQuery& query, std::string_view task) const {
  return within_memory("encoding labels", [&] {
    const Impl::Task& known = impl_->task(task);
    TextQuery with_defaults = query;
    if (query.labels.empty()) with_defaults.labels = manifest().classes;
    TextState text = known.head->prepare(with_defaults, towers());
    if (auto* const bank = std::get_if<ClassBank>(&text)) bank->source = known.bank_source;
    return text;
  });
}

Prediction Model::predict(const ImageView& image, const TextState& text,
                          const PredictOptions& options) const {
  return predict(std::span(&image, 1), text, options).front();
}

std::vector<Prediction> Model::predict(std::span<const ImageView> images, const TextState& text,
                                       const PredictOptions& options) const {
  return within_memory("predicting", [&] {
    const Head& head = impl_->head_for(text, options.task);
    PredictOptions of_a_batch = options;
    of_a_batch.progress = {};
    std::vector<Prediction> answers;
    answers.reserve(images.size());
    for_each_batch(
        images, towers().max_batch(), options.stop, options.progress,
        [&](std::span<const ImageView> part) { return impl_->encode(part, of_a_batch); },
        [&](const std::vector<ImageState>& states) {
          const OpenMpThreads threads(impl_->report.threads);
          for (const ImageState& state : states) {
            answers.push_back(head.predict(state, text, towers(), of_a_batch));
          }
        });
    return answers;
  });
}

ImageState Model::encode(const ImageView& image, const PredictOptions& options) const {
  return within_memory("encoding an image",
                       [&] { return impl_->encode(std::span(&image, 1), options).front(); });
}

std::vector<ImageState> Model::encode_pixels(const Tensor& pixels,
                                             const PredictOptions& options) const {
  return within_memory("encoding pixels", [&] {
    auto states = impl_->task(options.task).head->encode_pixels(pixels, towers(), options);
    impl_->check_states(states, static_cast<std::size_t>(pixels.dim(0)), options.task);
    return states;
  });
}

Prediction Model::predict(const ImageState& image, const TextState& text,
                          const PredictOptions& options) const {
  return within_memory("predicting", [&] {
    const OpenMpThreads threads(impl_->report.threads);
    return impl_->head_for(text, options.task).predict(image, text, towers(), options);
  });
}

Embeddings Model::encode_images(std::span<const ImageView> images,
                                const EncodeOptions& options) const {
  return within_memory("encoding images", [&] {
    const std::string& preprocess = impl_->preprocess_name(options.task);
    std::vector<float> rows;
    rows.reserve(images.size() * static_cast<std::size_t>(manifest().embed_dim));
    for_each_batch(
        images, towers().max_batch(), options.stop, options.progress,
        [&](std::span<const ImageView> part) {
          return towers().image(towers().pixels(part, preprocess)).cpu();
        },
        [&](const Tensor& embeddings) {
          rows.insert(rows.end(), embeddings.floats().begin(), embeddings.floats().end());
        });
    return finish(std::move(rows), images.size(), manifest().embed_dim, options);
  });
}

Embeddings Model::encode_texts(std::span<const std::string> texts,
                               const EncodeOptions& options) const {
  return within_memory("encoding texts", [&] {
    const Tensor embeddings = glint::encode_texts(texts, towers(), options.stop, options.progress);
    const auto rows = embeddings.floats();
    return finish({rows.begin(), rows.end()}, texts.size(), manifest().embed_dim, options);
  });
}

void Model::warm_up() const {
  within_memory("warming up", [&] {
    const std::uint8_t pixel[3] = {};
    const ImageView picture{.data = pixel, .width = 1, .height = 1, .row_stride_bytes = 3};
    const Tensor pixels = towers().pixels({&picture, 1}, impl_->preprocess_name({}));
    towers().call("image", "forward", {{"pixels", pixels}});
    if (impl_->tokenizer) {
      const std::string text = "a photo";
      glint::encode_texts({&text, 1}, towers());
    }
  });
}

ModelReport Model::report() const { return impl_->report; }

void Model::check_bank(const ClassBank& bank, std::string_view task) const {
  check_bank_source(bank.source, impl_->task(task).bank_source);
}

BankSource Model::bank_source(std::string_view task) const { return impl_->task(task).bank_source; }

Preprocessor Model::preprocessor(std::string_view task) const {
  return Preprocessor(manifest().preprocess.find(impl_->preprocess_name(task))->second);
}

Tokenizer Model::tokenizer() const {
  if (!impl_->tokenizer) {
    fail(ErrorCode::kUnsupported, "package ", quote(manifest().name), " has no text tower");
  }
  return *impl_->tokenizer;
}

}  // namespace glint
