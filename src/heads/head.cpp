// What heads are made of, and what a head does unless it says otherwise.
#include <glint/head.h>
#include <glint/similarity.h>

#include <cmath>
#include <set>

#include "core/check.h"
#include "package/labels.h"

namespace glint {
namespace {

// rows [K * T, D] as the text tower gave them -> [K, D], unit rows.
std::vector<float> class_means(std::vector<float> rows, std::size_t templates, std::int64_t dim,
                               TemplateMean mean) {
  if (mean == TemplateMean::kOfUnitRows) normalize_rows(rows, dim);
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

Head::~Head() = default;

std::vector<ImageState> Head::encode_pixels(const Tensor& /*pixels*/, const Towers& towers,
                                            const PredictOptions& /*options*/) const {
  fail(ErrorCode::kUnsupported, "expected a picture, got pixels: a head of package ",
       quote(towers.manifest().name), " looks at the picture itself");
}

void check_labels(std::span<const std::string> labels) {
  if (labels.empty()) fail(ErrorCode::kInvalidArgument, "expected at least one label, got none");
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (is_blank(labels[i])) fail(ErrorCode::kInvalidArgument, "label ", i, " is empty");
    if (!seen.insert(labels[i]).second) {
      fail(ErrorCode::kInvalidArgument, "label ", i, " repeats ", quote(labels[i]));
    }
  }
}

std::string fill_template(const std::string& text, const std::string& label) {
  if (!is_template(text)) {
    fail(ErrorCode::kInvalidArgument, "expected a template with one {}, got ", quote(text));
  }
  std::string filled = text;
  return filled.replace(filled.find(kTemplateSlot), kTemplateSlot.size(), label);
}

ClassBank make_class_bank(const TextQuery& query, const std::vector<std::string>& templates,
                          const Towers& towers, TemplateMean mean) {
  check_labels(query.labels);
  const auto& used = query.templates.empty() ? templates : query.templates;
  std::vector<std::string> texts;
  texts.reserve(query.labels.size() * used.size());
  for (const std::string& label : query.labels) {
    for (const std::string& text : used) texts.push_back(fill_template(text, label));
  }
  const Tensor embeddings = encode_texts(texts, towers, query.stop, query.progress);
  const std::int64_t dim = towers.manifest().embed_dim;
  const auto numbers = embeddings.floats();
  const auto rows = class_means({numbers.begin(), numbers.end()}, used.size(), dim, mean);
  const auto count = static_cast<std::int64_t>(query.labels.size());
  return {query.labels, Tensor::from({count, dim}, rows), used, {}};
}

const ClassBank& class_bank_of(const TextState& text, std::int64_t embed_dim) {
  const auto* const bank = std::get_if<ClassBank>(&text);
  if (bank == nullptr) {
    fail(ErrorCode::kInvalidArgument, "expected class embeddings, got prompts of another head");
  }
  const auto count = static_cast<std::int64_t>(bank->labels.size());
  const auto shape = bank->rows.empty() ? std::span<const std::int64_t>{} : bank->rows.shape();
  if (shape.size() != 2 || shape[0] != count || shape[1] != embed_dim) {
    fail(ErrorCode::kInvalidArgument, "expected class embeddings [", count, ", ", embed_dim,
         "], got ", shape.empty() ? cat("none") : shape_text(shape));
  }
  return *bank;
}

Classification classify(const std::vector<std::string>& labels, std::span<const float> logits,
                        std::int64_t top_k) {
  if (labels.size() != logits.size() || top_k < 0) {
    fail(ErrorCode::kInvalidArgument, "expected a logit a label and top_k of at least 0, got ",
         logits.size(), " for ", labels.size(), " and ", top_k);
  }
  for (const float logit : logits) {
    if (!std::isfinite(logit)) {
      fail(ErrorCode::kInvalidArgument, "expected finite embeddings, got NaN or infinity");
    }
  }
  std::vector<float> probabilities(logits.size());
  softmax(logits, probabilities);
  Classification answer;
  const auto wanted = top_k == 0 ? static_cast<std::int64_t>(labels.size()) : top_k;
  for (const std::int64_t index : glint::top_k(logits, wanted)) {
    const auto i = static_cast<std::size_t>(index);
    answer.scores.push_back({labels[i], index, probabilities[i], logits[i]});
  }
  return answer;
}

}  // namespace glint
