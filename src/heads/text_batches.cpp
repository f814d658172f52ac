#include "heads/text_batches.h"

#include <algorithm>
#include <numeric>

#include "core/check.h"

namespace glint {
namespace {

constexpr std::int64_t kIdsOfAText = 32;

// Evenly, so that no small batch is left over.
void split_evenly(std::int64_t count, std::int64_t most, std::vector<std::size_t>& sizes) {
  const std::int64_t calls = (count + most - 1) / most;
  for (std::int64_t i = 0; i < calls; ++i) {
    sizes.push_back(static_cast<std::size_t>((count * (i + 1)) / calls - (count * i) / calls));
  }
}

}  // namespace

std::int64_t rows_a_call(const Towers& towers) { return towers.max_batch() * kIdsOfAText; }

std::vector<std::size_t> batch_sizes(std::span<const std::int64_t> lengths, const BatchRule& rule) {
  std::vector<std::size_t> sizes;
  std::int64_t count = 0;  // of texts that wait for a call
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    ++count;
    const bool last = i + 1 == lengths.size();
    const std::int64_t longer = last ? 0 : lengths[i + 1] - lengths[i];
    if (!last && (longer == 0 || (rule.pad && count * longer < kRowsOfACall))) continue;
    split_evenly(count, std::max<std::int64_t>(1, rule.rows / (rule.prefix + lengths[i])), sizes);
    count = 0;
  }
  return sizes;
}

void for_each_text_batch(std::span<const std::size_t> texts, std::span<const Ids> ids,
                         const BatchRule& rule, const std::stop_token& stop,
                         const std::function<void(std::span<const std::size_t>)>& use) {
  std::vector<std::size_t> order(texts.begin(), texts.end());
  std::ranges::stable_sort(order, {}, [&](std::size_t text) { return ids[text].size(); });
  std::vector<std::int64_t> lengths;
  lengths.reserve(order.size());
  for (const std::size_t text : order) {
    lengths.push_back(static_cast<std::int64_t>(ids[text].size()));
  }
  std::span<const std::size_t> rest(order);
  for (const std::size_t size : batch_sizes(lengths, rule)) {
    check_stop(stop);
    use(rest.first(size));
    rest = rest.subspan(size);
  }
}

Tensor stack_ids(std::span<const std::size_t> batch, std::span<const Ids> ids,
                 std::size_t skipped) {
  std::size_t longest = 0;
  for (const std::size_t text : batch) longest = std::max(longest, ids[text].size());
  Ids block;
  block.reserve(batch.size() * (longest - skipped));
  for (const std::size_t text : batch) {
    const Ids& own = ids[text];
    block.insert(block.end(), own.begin() + static_cast<std::ptrdiff_t>(skipped), own.end());
    block.insert(block.end(), longest - own.size(), own.back());
  }
  return Tensor::from(
      {static_cast<std::int64_t>(batch.size()), static_cast<std::int64_t>(longest - skipped)},
      block);
}

TextRows::TextRows(TextPlaces places, std::int64_t embed_dim, ProgressFn progress)
    : places_(std::move(places)),
      dim_(static_cast<std::size_t>(embed_dim)),
      progress_(std::move(progress)),
      rows_(places_.order.size() * dim_) {}

void TextRows::put(std::span<const std::size_t> batch, const Tensor& embeddings) {
  const Tensor there = embeddings.cpu();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto row = there.floats().subspan(i * dim_, dim_);
    const std::size_t begin = places_.starts[batch[i]], end = places_.starts[batch[i] + 1];
    for (const std::size_t place : std::span(places_.order).subspan(begin, end - begin)) {
      std::ranges::copy(row, rows_.begin() + static_cast<std::ptrdiff_t>(place * dim_));
    }
    done_ += static_cast<std::int64_t>(end - begin);
  }
  if (progress_) progress_(done_, static_cast<std::int64_t>(places_.order.size()));
}

Tensor TextRows::tensor() const {
  return Tensor::from(
      {static_cast<std::int64_t>(places_.order.size()), static_cast<std::int64_t>(dim_)}, rows_);
}

Tensor encode_by_length(std::span<const Ids> ids, const Towers& towers,
                        const std::function<Tensor(std::span<const std::size_t>)>& encode,
                        const std::stop_token& stop, const ProgressFn& progress) {
  TextPlaces places{std::vector<std::size_t>(ids.size()), std::vector<std::size_t>(ids.size() + 1)};
  std::iota(places.order.begin(), places.order.end(), std::size_t{0});
  std::iota(places.starts.begin(), places.starts.end(), std::size_t{0});
  const std::vector<std::size_t> all = places.order;
  TextRows rows(std::move(places), towers.manifest().embed_dim, progress);
  for_each_text_batch(all, ids, {.rows = rows_a_call(towers)}, stop,
                      [&](std::span<const std::size_t> batch) { rows.put(batch, encode(batch)); });
  return rows.tensor();
}

}  // namespace glint
