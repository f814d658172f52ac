#include <glint/head.h>

#include <algorithm>
#include <numeric>

namespace glint {
namespace {

using Ids = std::vector<std::int64_t>;

// The first `wanted` texts at `order`, or as many of them as have the length of the first.
std::span<const std::size_t> same_length(std::span<const std::size_t> order,
                                         const std::vector<Ids>& ids, std::size_t wanted) {
  std::size_t count = 1;
  while (count < std::min(wanted, order.size()) &&
         ids[order[count]].size() == ids[order[0]].size()) {
    ++count;
  }
  return order.first(count);
}

Tensor encode_batch(std::span<const std::size_t> batch, const std::vector<Ids>& ids,
                    const Towers& towers) {
  Ids block;
  for (const std::size_t text : batch) {
    block.insert(block.end(), ids[text].begin(), ids[text].end());
  }
  const auto rows = static_cast<std::int64_t>(batch.size());
  const std::vector<std::int64_t> shape{rows, static_cast<std::int64_t>(block.size()) / rows};
  return towers.text({.ids = Tensor::from(shape, block)}).cpu();
}

// Positions of the texts, shorter ones first.
std::vector<std::size_t> by_length(const std::vector<Ids>& ids) {
  std::vector<std::size_t> order(ids.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return ids[a].size() < ids[b].size(); });
  return order;
}

}  // namespace

Tensor encode_texts(std::span<const std::string> texts, const Towers& towers,
                    const std::stop_token& stop, const ProgressFn& progress) {
  std::vector<Ids> ids;
  ids.reserve(texts.size());
  for (const std::string& text : texts) ids.push_back(towers.tokenize(text));
  const std::vector<std::size_t> order = by_length(ids);
  const auto dim = static_cast<std::size_t>(towers.manifest().embed_dim);
  std::vector<float> rows(texts.size() * dim);
  for (std::span<const std::size_t> rest(order); !rest.empty();) {
    check_stop(stop);
    const auto batch = same_length(rest, ids, static_cast<std::size_t>(towers.max_batch()));
    const Tensor embeddings = encode_batch(batch, ids, towers);
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
  return Tensor::from({static_cast<std::int64_t>(texts.size()), towers.manifest().embed_dim}, rows);
}

}  // namespace glint
