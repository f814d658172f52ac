#include <glint/model.h>
#include <glint/similarity.h>

#include <map>
#include <optional>

#include "core/check.h"
#include "heads/encode.h"
#include "runtime/load_towers.h"

namespace glint {

struct Model::Impl {
  Package package;
  std::optional<Tokenizer> tokenizer;
  std::shared_ptr<const Towers> towers;
  std::map<std::string, std::unique_ptr<const Head>, std::less<>> heads;  // by task

  const Manifest& manifest() const { return package.manifest(); }

  // The named task, or the only one.
  std::string_view task_name(std::string_view name) const {
    const auto& tasks = manifest().tasks;
    const auto found = name.empty() ? tasks.begin() : tasks.find(name);
    if (found == tasks.end()) {
      fail(ErrorCode::kNotFound, "package ", quote(manifest().name), " has no task",
           name.empty() ? "" : " ", name.empty() ? "" : quote(name));
    }
    if (name.empty() && tasks.size() > 1) {
      fail(ErrorCode::kInvalidArgument, "package ", quote(manifest().name), " has ", tasks.size(),
           " tasks; expected the name of one");
    }
    return found->first;
  }

  // Of the named task, or of the first; a package without tasks has its first preprocess.
  const std::string& preprocess_name(std::string_view task) const {
    if (task.empty() && manifest().tasks.empty()) return manifest().preprocess.begin()->first;
    if (task.empty()) return manifest().tasks.begin()->second.preprocess;
    return manifest().tasks.find(task_name(task))->second.preprocess;
  }

  const Head& head(std::string_view task) const { return *heads.find(task_name(task))->second; }
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
  return load(Package::open(package_path), options);
}

Model Model::load(const Package& package, const ModelOptions& options) {
  return within_memory("loading a model", [&] {
    check_options(options);
    auto impl = std::make_shared<Impl>(Impl{package, {}, {}, {}});
    if (impl->manifest().tokenizer) {
      impl->tokenizer = Tokenizer::clip_bpe(*impl->manifest().tokenizer,
                                            package.file(impl->manifest().merges_file));
    }
    impl->towers = load_towers(package, impl->tokenizer,
                               {.device = parse_device(options.device),
                                .max_batch = options.max_batch,
                                .threads = options.threads});
    for (const auto& [name, task] : impl->manifest().tasks) {
      impl->heads.emplace(name, make_head(task));
    }
    return Model(std::move(impl));
  });
}

const Package& Model::package() const { return impl_->package; }
const Towers& Model::towers() const { return *impl_->towers; }

TextState Model::prepare(const std::vector<std::string>& labels,
                         const std::vector<std::string>& templates) const {
  return within_memory("encoding labels",
                       [&] { return prepare({.labels = labels, .templates = templates}); });
}

TextState Model::prepare(const TextQuery& query, std::string_view task) const {
  return within_memory("encoding labels", [&] {
    const Head& head = impl_->head(task);
    if (!query.labels.empty() || manifest().classes.empty()) return head.prepare(query, towers());
    TextQuery with_defaults = query;
    with_defaults.labels = manifest().classes;
    return head.prepare(with_defaults, towers());
  });
}

Prediction Model::predict(const ImageView& image, const TextState& text,
                          const PredictOptions& options) const {
  return predict(std::span(&image, 1), text, options).front();
}

std::vector<Prediction> Model::predict(std::span<const ImageView> images, const TextState& text,
                                       const PredictOptions& options) const {
  return within_memory("classifying images", [&] {
    const Head& head = impl_->head(options.task);
    std::vector<Prediction> answers;
    answers.reserve(images.size());
    for (const ImageState& state : head.encode(images, towers(), options)) {
      answers.push_back(head.predict(state, text, towers(), options));
    }
    return answers;
  });
}

ImageState Model::encode(const ImageView& image, const PredictOptions& options) const {
  return within_memory("encoding an image", [&] {
    return impl_->head(options.task).encode(std::span(&image, 1), towers(), options).front();
  });
}

Prediction Model::predict(const ImageState& image, const TextState& text,
                          const PredictOptions& options) const {
  return within_memory("classifying an image", [&] {
    return impl_->head(options.task).predict(image, text, towers(), options);
  });
}

Embeddings Model::encode_images(std::span<const ImageView> images,
                                const EncodeOptions& options) const {
  return within_memory("encoding images", [&] {
    return finish(glint::encode_images(images, towers(), impl_->preprocess_name({}), options.stop,
                                       options.progress),
                  images.size(), manifest().embed_dim, options);
  });
}

Embeddings Model::encode_texts(std::span<const std::string> texts,
                               const EncodeOptions& options) const {
  return within_memory("encoding texts", [&] {
    return finish(glint::encode_texts(texts, towers(), options.stop, options.progress),
                  texts.size(), manifest().embed_dim, options);
  });
}

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
