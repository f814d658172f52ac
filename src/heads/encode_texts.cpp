#include <glint/head.h>

#include <algorithm>
#include <numeric>

#include "heads/text_batches.h"

namespace glint {
namespace {

// The first `wanted` texts at `order`, or as many of them as have the length of the first.
std::span<const std::size_t> same_length(std::span<const std::size_t> order,
                                         std::span<const Ids> ids, std::size_t wanted) {
  std::size_t count = 1;
  while (count < std::min(wanted, order.size()) &&
         ids[order[count]].size() == ids[order[0]].size()) {
    ++count;
  }
  return order.first(count);
}

// Positions of the texts, shorter ones first.
std::vector<std::size_t> by_length(std::span<const Ids> ids) {
  std::vector<std::size_t> order(ids.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return ids[a].size() < ids[b].size(); });
  return order;
}

}  // namespace

Tensor stack_ids(std::span<const std::size_t> batch, std::span<const Ids> ids) {
  Ids block;
  for (const std::size_t text : batch) {
    block.insert(block.end(), ids[text].begin(), ids[text].end());
  }
  const auto rows = static_cast<std::int64_t>(batch.size());
  return Tensor::from({rows, static_cast<std::int64_t>(block.size()) / rows}, block);
}

Tensor encode_by_length(std::span<const Ids> ids, const Towers& towers,
                        const std::function<Tensor(std::span<const std::size_t>)>& encode,
                        const std::stop_token& stop, const ProgressFn& progress) {
  const std::vector<std::size_t> order = by_length(ids);
  const auto dim = static_cast<std::size_t>(towers.manifest().embed_dim);
  std::vector<float> rows(ids.size() * dim);
  for (std::span<const std::size_t> rest(order); !rest.empty();) {
    check_stop(stop);
    const auto batch = same_length(rest, ids, static_cast<std::size_t>(towers.max_batch()));
    const Tensor embeddings = encode(batch).cpu();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto row = embeddings.floats().subspan(i * dim, dim);
      std::copy(row.begin(), row.end(), rows.begin() + static_cast<std::ptrdiff_t>(batch[i] * dim));
    }
    rest = rest.subspan(batch.size());
    if (progress) {
      progress(static_cast<std::int64_t>(order.size() - rest.size()),
               static_cast<std::int64_t>(order.size()));
    }
  }
  return Tensor::from({static_cast<std::int64_t>(ids.size()), towers.manifest().embed_dim}, rows);
}

Tensor encode_texts(std::span<const std::string> texts, const Towers& towers,
                    const std::stop_token& stop, const ProgressFn& progress) {
  std::vector<Ids> ids;
  ids.reserve(texts.size());
  for (const std::string& text : texts) ids.push_back(towers.tokenize(text));
  const auto encode = [&](std::span<const std::size_t> batch) {
    return towers.text({.ids = stack_ids(batch, ids)});
  };
  return encode_by_length(ids, towers, encode, stop, progress);
}

}  // namespace glint
