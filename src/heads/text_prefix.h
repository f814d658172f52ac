// Texts with a common beginning in a causal text tower: the beginning's keys and values once, then
// of each text what follows (the methods encode_prefix and forward_suffix, models/package.md).
#pragma once

#include <glint/head.h>

#include <cstdint>
#include <span>
#include <vector>

#include "heads/text_batches.h"

namespace glint {

struct TextPrefix {
  Tensor keys;    // [layers, heads, P, head_dim] on the model's device
  Tensor values;  // the same
  std::int64_t length() const { return keys.dim(2); }
};

// Whether the text tower has both methods.
bool has_text_prefixes(const Manifest& manifest);

// The specification of encode_prefix. Throws Error(kCorruptPackage) where one is missing.
const MethodSpec& need_text_prefixes(const HeadContext& context);

// embeddings [B, P, width], positions not added -> a prefix each.
std::vector<TextPrefix> encode_prefixes(const Tensor& embeddings, const Towers& towers);

// embeddings [B, S, width] of what follows the prefix, eot [B] i64 places in them -> [B, D].
Tensor forward_behind(const TextPrefix& prefix, const Tensor& embeddings, const Tensor& eot,
                      const Towers& towers);

// Of the texts at `batch`, whose first `skipped` ids the prefix stands for, up to the end:
// embeddings [B, D].
Tensor encode_behind(const TextPrefix& prefix, std::span<const std::size_t> batch,
                     std::span<const Ids> ids, std::size_t skipped, const Towers& towers);

}  // namespace glint
