// Texts in which learned vectors stand in front of the words. The tokenizer sees a filler word for
// each vector, as in the references, so that the ids of the words are those that the vectors were
// trained with, even where cleaning looks at the neighbours. The fillers' embeddings are dropped.
#pragma once

#include <glint/head.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "heads/text_batches.h"

namespace glint {

// What stands behind the vectors of CoOp and CoCoOp.
inline constexpr const char* kNameAndFullStop = "{}.";

struct PromptText {
  std::string name;      // the label, "_" read as a space
  Ids ids;               // start, a filler for each vector, the words, end
  std::int64_t end = 0;  // where the first end token is: the text tower pools there
};

// For each label: `vectors` fillers and `words`, whose one "{}" is the name.
// Throws Error: kInvalidArgument (labels that check_labels refuses; templates, which the prompt
// stands for; a prompt that is longer than the text tower's context), kUnsupported (no text tower),
// kCancelled.
std::vector<PromptText> make_prompt_texts(const TextQuery& query, const std::string& words,
                                          std::size_t vectors, const Towers& towers);

// ids [B, L] i64 of prompts of one length, their end positions eot [B] i64, and which they are ->
// embeddings [B, D] f32.
using EncodePrompts =
    std::function<Tensor(const Tensor& ids, const Tensor& eot, std::span<const std::size_t> batch)>;

// The class bank of the prompts of query.labels: rows [K, D], normalised.
ClassBank make_prompt_bank(const TextQuery& query, std::span<const PromptText> prompts,
                           const Towers& towers, const EncodePrompts& encode);

// Room for the vectors, start, one id of words and end. Throws Error(kCorruptPackage).
void need_prompt_room(const Manifest& manifest, std::int64_t vectors);

}  // namespace glint
