// Texts of one length share a call of the text tower, so that none is padded.
#pragma once

#include <glint/head.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace glint {

using Ids = std::vector<std::int64_t>;

// ids [B, L] of the texts at those positions, which have one length.
Tensor stack_ids(std::span<const std::size_t> batch, std::span<const Ids> ids);

// What `encode` makes of texts of one length, [B, D] f32 for the positions it gets, for all texts:
// [T, D] f32 on the CPU, in input order. Shorter ones come first, at most max_batch() at a time.
// `stop` and `progress` (in texts) are those of a TextQuery.
Tensor encode_by_length(std::span<const Ids> ids, const Towers& towers,
                        const std::function<Tensor(std::span<const std::size_t>)>& encode,
                        const std::stop_token& stop, const ProgressFn& progress);

}  // namespace glint
