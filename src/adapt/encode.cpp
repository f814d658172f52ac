// Labelled pictures -> what a model's heads see of them.
#include <glint/adapt.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "adapt/key_source.h"
#include "adapt/views.h"
#include "adapt/votes.h"
#include "core/check.h"
#include "heads/image_embedding.h"
#include "image_batches.h"

namespace glint::adapt {
namespace {

constexpr std::size_t kMaxNamed = 10;  // pictures in one message

bool is_about_the_picture(ErrorCode code) {
  return is_about_an_image(code) || code == ErrorCode::kNotFound || code == ErrorCode::kIo;
}

class Encoder {
 public:
  Encoder(const Model& model, const LabelledFiles& pictures, const TextState* text,
          const EncodeShotsOptions& options)
      : model_(model),
        pictures_(pictures),
        text_(text),
        options_(options),
        views_(model.preprocessor(kTask), options.views) {
    predict_.task = kTask;
    predict_.top_k = 0;
    predict_.stop = options.stop;
    features_.labels = pictures.labels;
    features_.embed_dim = model.manifest().embed_dim;
    features_.views = views_.count();
    features_.source = key_source_of(model.package());
  }

  Features run() {
    for (std::size_t i = 0; i < pictures_.files.size(); ++i) {
      check_stop(options_.stop);
      read(i);
      const std::int64_t waiting = static_cast<std::int64_t>(pixels_.size()) / views_.size();
      if (waiting >= model_.towers().max_batch()) encode_waiting();
      if (options_.progress) {
        options_.progress(static_cast<std::int64_t>(i) + 1,
                          static_cast<std::int64_t>(pictures_.files.size()));
      }
    }
    if (!options_.skip_unreadable && !features_.skipped.empty()) fail_for_unreadable();
    encode_waiting();
    check_classes();
    return std::move(features_);
  }

 private:
  // Once a picture is found that ends the work, the others are read only to be named with it.
  void read(std::size_t i) {
    const std::string& path = pictures_.files[i];
    const std::size_t before = pixels_.size();
    try {
      const Image image = load_image(path, options_.decode);
      pixels_.resize(before + static_cast<std::size_t>(views_.count() * views_.size()));
      views_(image, std::span(pixels_).subspan(before));
      features_.classes.push_back(pictures_.classes[i]);
    } catch (const Error& error) {
      if (!is_about_the_picture(error.code())) throw;
      pixels_.resize(before);
      features_.skipped.emplace_back(path, error.what());
    }
    if (!options_.skip_unreadable && !features_.skipped.empty()) pixels_.clear();
  }

  void encode_waiting() {
    const auto one = static_cast<std::size_t>(views_.size());
    const auto most = static_cast<std::size_t>(model_.towers().max_batch()) * one;
    for (std::size_t first = 0; first < pixels_.size(); first += most) {
      check_stop(options_.stop);
      const auto part = std::span(pixels_).subspan(first, std::min(most, pixels_.size() - first));
      const auto rows = static_cast<std::int64_t>(part.size() / one);
      const Tensor pixels = Tensor::from({rows, 3, views_.height(), views_.width()}, part);
      for (const ImageState& state : model_.encode_pixels(pixels, predict_)) take(state);
    }
    pixels_.clear();
  }

  void take(const ImageState& state) {
    const auto embedding = embedding_of(state, features_.embed_dim);
    features_.values.insert(features_.values.end(), embedding.begin(), embedding.end());
    if (text_ == nullptr) return;
    const Prediction answer = model_.predict(state, *text_, predict_);
    const auto* const classified = std::get_if<Classification>(&answer);
    if (classified == nullptr) {
      fail(ErrorCode::kUnsupported, "expected a package whose heads classify, got ",
           quote(model_.manifest().name));
    }
    const LogitSpec& logit = model_.manifest().logit;
    const std::size_t at = features_.logits.size();
    features_.logits.resize(at + classified->scores.size());
    for (const ClassScore& score : classified->scores) {
      features_.logits[at + static_cast<std::size_t>(score.index)] = static_cast<float>(
          (static_cast<double>(score.logit) - logit.bias) * (kLogitScale / logit.scale));
    }
  }

  [[noreturn]] void fail_for_unreadable() const {
    std::string named;
    for (std::size_t i = 0; i < std::min(features_.skipped.size(), kMaxNamed); ++i) {
      const auto& [path, why] = features_.skipped[i];
      named += cat(i == 0 ? "" : "; ", quote(path), ": ", why);
    }
    if (features_.skipped.size() > kMaxNamed) {
      named += cat("; and ", features_.skipped.size() - kMaxNamed, " more");
    }
    fail(ErrorCode::kCorruptImage, "expected ", pictures_.files.size(),
         " images that can be read, got ", features_.skipped.size(), " that cannot: ", named);
  }

  // Every class that had pictures still has one.
  void check_classes() const {
    const std::set<std::int64_t> left(features_.classes.begin(), features_.classes.end());
    std::string lost;
    for (const std::int64_t index :
         std::set<std::int64_t>(pictures_.classes.begin(), pictures_.classes.end())) {
      if (left.contains(index)) continue;
      lost += (lost.empty() ? "" : ", ") + quote(pictures_.labels[static_cast<std::size_t>(index)]);
    }
    if (!lost.empty()) {
      fail(ErrorCode::kInvalidArgument,
           "expected an image of every class that can be read, got none of ", lost);
    }
  }

  const Model& model_;
  const LabelledFiles& pictures_;
  const TextState* text_;
  const EncodeShotsOptions& options_;
  ViewMaker views_;
  PredictOptions predict_;
  std::vector<float> pixels_;  // views that wait for the tower
  Features features_;
};

void check_pictures(const LabelledFiles& pictures) {
  check_labels(pictures.labels);
  if (pictures.files.empty() || pictures.files.size() != pictures.classes.size()) {
    fail(ErrorCode::kInvalidArgument, "expected images and a class for each, got ",
         pictures.files.size(), " images and ", pictures.classes.size(), " classes");
  }
  for (const std::int64_t index : pictures.classes) {
    if (index < 0 || index >= static_cast<std::int64_t>(pictures.labels.size())) {
      fail(ErrorCode::kInvalidArgument, "expected positions below ", pictures.labels.size(),
           ", the number of labels, as classes of images, got ", index);
    }
  }
}

void check_model(const Model& model) {
  if (!model.manifest().tasks.contains(kTask)) {
    fail(ErrorCode::kUnsupported, "expected a package with a task ", quote(kTask), ", got ",
         quote(model.manifest().name));
  }
}

// The pictures with their classes as positions in `labels`.
LabelledFiles relabelled(const LabelledFiles& pictures, const std::vector<std::string>& labels) {
  check_labels(labels);
  std::map<std::string, std::int64_t, std::less<>> positions;
  for (const std::string& label : labels) {
    positions.emplace(label, static_cast<std::int64_t>(positions.size()));
  }
  LabelledFiles result = pictures;
  result.labels = labels;
  std::vector<std::int64_t> new_position;
  for (const std::string& label : pictures.labels) {
    const auto found = positions.find(label);
    if (found == positions.end()) {
      fail(ErrorCode::kInvalidArgument, "expected images of the ", labels.size(),
           " classes that are asked for, got some of ", quote(label));
    }
    new_position.push_back(found->second);
  }
  for (std::int64_t& index : result.classes) index = new_position[static_cast<std::size_t>(index)];
  return result;
}

}  // namespace

Features encode(const Model& model, const LabelledFiles& pictures,
                const EncodeShotsOptions& options) {
  return within_memory("encoding labelled images", [&] {
    check_pictures(pictures);
    check_model(model);
    return Encoder(model, pictures, nullptr, options).run();
  });
}

Features encode_with_logits(const Model& model, const LabelledFiles& pictures,
                            const TextQuery& words, const EncodeShotsOptions& options) {
  return within_memory("encoding labelled images", [&] {
    check_pictures(pictures);
    check_model(model);
    if (ends_in_cache(model.package())) {
      fail(ErrorCode::kUnsupported, "expected logits of heads without a cache, got package ",
           quote(model.manifest().name), ", whose logits have its votes");
    }
    const LabelledFiles of_labels = relabelled(pictures, words.labels);
    const TextState text = model.prepare(words, kTask);
    return Encoder(model, of_labels, &text, options).run();
  });
}

}  // namespace glint::adapt
