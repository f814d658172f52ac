// Which texts share a call of the text tower, and where their embeddings go.
#pragma once

#include <glint/head.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace glint {

using Ids = std::vector<std::int64_t>;

// What one more call of a tower costs beside its rows, in token rows: a ViT-B/32 text tower takes
// 8.7 ms for 4 rows and 0.8 ms for each more on a core of the machine that it was measured on.
inline constexpr std::int64_t kRowsOfACall = 8;

// Token rows of one call, those of a shared prefix counted for each text: as many as max_batch()
// texts of 32 ids have, which is as fast as any more, and short enough to stop between calls.
std::int64_t rows_a_call(const Towers& towers);

struct BatchRule {
  std::int64_t rows = 0;    // of a call at most; a text that has more is alone
  std::int64_t prefix = 0;  // rows in front of each text that are not among its ids
  bool pad = false;         // texts a little shorter may join longer ones, filled up
};

// How many of the texts each call gets. `lengths`: ascending, of all of them in their order.
// Without padding a call has texts of one length only; with it shorter ones join the next longer
// ones where that adds fewer rows than a call costs.
std::vector<std::size_t> batch_sizes(std::span<const std::int64_t> lengths, const BatchRule& rule);

// Calls `use` with the positions of each batch, until `stop`; shorter texts first.
void for_each_text_batch(std::span<const std::size_t> texts, std::span<const Ids> ids,
                         const BatchRule& rule, const std::stop_token& stop,
                         const std::function<void(std::span<const std::size_t>)>& use);

// ids [B, L] of the texts at those positions, without their first `skipped`. Shorter ones are
// filled up with their last id.
Tensor stack_ids(std::span<const std::size_t> batch, std::span<const Ids> ids,
                 std::size_t skipped = 0);

// Texts that stand at several places are encoded once: text i belongs at places
// order[starts[i]] up to order[starts[i + 1]].
struct TextPlaces {
  std::vector<std::size_t> order;
  std::vector<std::size_t> starts;
};

// Embeddings [T, D] f32 of all places on the CPU, filled batch by batch in any order.
class TextRows {
 public:
  TextRows(TextPlaces places, std::int64_t embed_dim, ProgressFn progress);

  // embeddings [B, D] f32 of the texts of a batch. Tells the progress in places.
  void put(std::span<const std::size_t> batch, const Tensor& embeddings);
  Tensor tensor() const;

 private:
  TextPlaces places_;
  std::size_t dim_;
  ProgressFn progress_;
  std::vector<float> rows_;
  std::int64_t done_ = 0;
};

// What `encode` makes of texts of one length, [B, D] f32 for the positions it gets, for all texts:
// [T, D] f32 on the CPU, in input order. `stop` and `progress` (in texts) are those of a TextQuery.
Tensor encode_by_length(std::span<const Ids> ids, const Towers& towers,
                        const std::function<Tensor(std::span<const std::size_t>)>& encode,
                        const std::stop_token& stop, const ProgressFn& progress);

}  // namespace glint
