#include "heads/prompt_text.h"

#include <glint/similarity.h>

#include <algorithm>

#include "core/check.h"

namespace glint {
namespace {

constexpr std::string_view kFiller = "X ";  // one id

PromptText make_prompt_text(const std::string& label, const std::string& words, std::size_t vectors,
                            const Towers& towers) {
  PromptText prompt{.name = label, .ids = {}};
  std::ranges::replace(prompt.name, '_', ' ');
  const std::string text = fill_template(words, prompt.name);
  const auto limit = static_cast<std::size_t>(towers.manifest().tokenizer->context_length);
  // Without fillers first: a tokenizer that truncates would hide that a prompt is too long.
  const std::size_t length = towers.tokenize(text).size() + vectors;
  if (length > limit) {
    fail(ErrorCode::kInvalidArgument, "expected prompts of at most ", limit, " ids, got ", length,
         " with ", vectors, " vectors of context for label ", quote(label));
  }
  std::string fillers;
  for (std::size_t i = 0; i < vectors; ++i) fillers += kFiller;
  prompt.ids = towers.tokenize(fillers + text);
  const auto end = std::ranges::find(prompt.ids, towers.manifest().tokenizer->end_id);
  prompt.end = end - prompt.ids.begin();
  GLINT_CHECK(end != prompt.ids.end() && static_cast<std::size_t>(prompt.end) > vectors);
  return prompt;
}

}  // namespace

std::vector<PromptText> make_prompt_texts(const TextQuery& query, const std::string& words,
                                          std::size_t vectors, const Towers& towers) {
  check_labels(query.labels);
  if (!query.templates.empty()) {
    fail(ErrorCode::kInvalidArgument, "expected no templates, which the learned context replaces, ",
         "got ", query.templates.size());
  }
  if (!towers.manifest().tokenizer) {
    fail(ErrorCode::kUnsupported, "package ", quote(towers.manifest().name), " has no text tower");
  }
  std::vector<PromptText> prompts;
  prompts.reserve(query.labels.size());
  for (const std::string& label : query.labels) {
    check_stop(query.stop);
    prompts.push_back(make_prompt_text(label, words, vectors, towers));
  }
  return prompts;
}

ClassBank make_prompt_bank(const TextQuery& query, std::span<const PromptText> prompts,
                           const Towers& towers, const EncodePrompts& encode) {
  std::vector<Ids> ids;
  ids.reserve(prompts.size());
  for (const PromptText& prompt : prompts) ids.push_back(prompt.ids);
  const auto encode_batch = [&](std::span<const std::size_t> batch) {
    Ids eot;
    for (const std::size_t i : batch) eot.push_back(prompts[i].end);
    return encode(stack_ids(batch, ids),
                  Tensor::from({static_cast<std::int64_t>(batch.size())}, eot), batch);
  };
  const Tensor embeddings = encode_by_length(ids, towers, encode_batch, query.stop, query.progress);
  std::vector<float> rows(embeddings.floats().begin(), embeddings.floats().end());
  normalize_rows(rows, embeddings.dim(1));
  return {query.labels, Tensor::from({embeddings.dim(0), embeddings.dim(1)}, rows)};
}

void need_prompt_room(const Manifest& manifest, std::int64_t vectors) {
  if (!manifest.tokenizer) return;
  const std::int64_t most = manifest.tokenizer->context_length - 3;
  if (vectors > most) {
    fail(ErrorCode::kCorruptPackage, "expected a context of at most ", most, " vectors for the ",
         manifest.tokenizer->context_length, " ids of the text tower, got ", vectors);
  }
}

}  // namespace glint
