#include "heads/zero_shot.h"

#include <glint/similarity.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/check.h"
#include "heads/encode.h"

namespace glint {
namespace {

constexpr std::string_view kSlot = "{}";

void check_labels(const std::vector<std::string>& labels) {
  if (labels.empty()) fail(ErrorCode::kInvalidArgument, "expected at least one label, got none");
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].find_first_not_of(" \t\r\n") == std::string::npos) {
      fail(ErrorCode::kInvalidArgument, "label ", i, " is empty");
    }
    if (!seen.insert(labels[i]).second) {
      fail(ErrorCode::kInvalidArgument, "label ", i, " repeats ", quote(labels[i]));
    }
  }
}

void check_templates(const std::vector<std::string>& templates) {
  for (const std::string& text : templates) {
    const std::size_t slot = text.find(kSlot);
    if (slot == std::string::npos || text.find(kSlot, slot + 1) != std::string::npos) {
      fail(ErrorCode::kInvalidArgument, "expected a template with one {}, got ", quote(text));
    }
  }
}

std::string fill(const std::string& text, const std::string& label) {
  std::string filled = text;
  return filled.replace(filled.find(kSlot), kSlot.size(), label);
}

// rows [K * T, D], normalised here -> [K, D], unit rows.
std::vector<float> class_means(std::vector<float> rows, std::size_t templates, std::int64_t dim) {
  normalize_rows(rows, dim);
  const auto width = static_cast<std::size_t>(dim);
  std::vector<float> means(rows.size() / templates);
  for (std::size_t k = 0; k < means.size() / width; ++k) {
    for (std::size_t d = 0; d < width; ++d) {
      double sum = 0;
      for (std::size_t t = 0; t < templates; ++t) sum += rows[(k * templates + t) * width + d];
      means[k * width + d] = static_cast<float>(sum / static_cast<double>(templates));
    }
  }
  normalize_rows(means, dim);
  return means;
}

}  // namespace

ZeroShotHead::ZeroShotHead(std::string preprocess, std::vector<std::string> templates)
    : preprocess_(std::move(preprocess)), templates_(std::move(templates)) {}

TextState ZeroShotHead::prepare(const TextQuery& query, const Towers& towers) const {
  const auto& templates = query.templates.empty() ? templates_ : query.templates;
  check_labels(query.labels);
  check_templates(templates);
  std::vector<std::string> texts;
  texts.reserve(query.labels.size() * templates.size());
  for (const std::string& label : query.labels) {
    for (const std::string& text : templates) texts.push_back(fill(text, label));
  }
  const std::int64_t dim = towers.manifest().embed_dim;
  const auto rows =
      class_means(encode_texts(texts, towers, query.stop, query.progress), templates.size(), dim);
  const auto count = static_cast<std::int64_t>(query.labels.size());
  return ClassBank{query.labels, Tensor::from({count, dim}, rows)};
}

std::vector<ImageState> ZeroShotHead::encode(std::span<const ImageView> images,
                                             const Towers& towers,
                                             const PredictOptions& options) const {
  const std::int64_t dim = towers.manifest().embed_dim;
  const std::vector<float> rows =
      encode_images(images, towers, preprocess_, options.stop, options.progress);
  std::vector<ImageState> states;
  states.reserve(images.size());
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto row =
        std::span(rows).subspan(i * static_cast<std::size_t>(dim), static_cast<std::size_t>(dim));
    states.push_back({images[i].width, images[i].height, Tensor::from({dim}, row)});
  }
  return states;
}

Prediction ZeroShotHead::predict(const ImageState& image, const TextState& text,
                                 const Towers& towers, const PredictOptions& options) const {
  const auto& bank = std::get<ClassBank>(text);
  const std::int64_t dim = towers.manifest().embed_dim;
  const auto embedding = image.embedding.floats();
  const std::size_t count = bank.labels.size();
  if (embedding.size() != static_cast<std::size_t>(dim) ||
      bank.rows.floats().size() != count * embedding.size()) {
    fail(ErrorCode::kInvalidArgument, "expected embeddings of ", dim,
         " numbers from this package, got ", embedding.size(), " of the image and ",
         bank.rows.floats().size(), " of ", count, " labels");
  }
  std::vector<float> unit(embedding.begin(), embedding.end());
  normalize_rows(unit, dim);
  std::vector<float> logits(count);
  dot_matrix(unit, bank.rows.floats(), dim, logits);
  const LogitSpec& logit = towers.manifest().logit;
  for (float& value : logits) {
    value = static_cast<float>(logit.scale) * value + static_cast<float>(logit.bias);
    if (!std::isfinite(value)) {
      fail(ErrorCode::kInvalidArgument, "expected finite embeddings, got NaN or infinity");
    }
  }
  std::vector<float> probabilities(count);
  softmax(logits, probabilities);
  Classification answer;
  const auto wanted = options.top_k == 0 ? static_cast<std::int64_t>(count) : options.top_k;
  for (const std::int64_t index : top_k(logits, wanted)) {
    const auto i = static_cast<std::size_t>(index);
    answer.scores.push_back({bank.labels[i], index, probabilities[i], logits[i]});
  }
  return answer;
}

}  // namespace glint
