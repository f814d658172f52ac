#include "heads/encode.h"

#include <algorithm>
#include <numeric>

#include "core/check.h"

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

}  // namespace

void check_stop(const std::stop_token& stop) {
  if (stop.stop_requested()) fail(ErrorCode::kCancelled, "cancelled by the caller");
}

std::vector<float> encode_images(std::span<const ImageView> images, const Towers& towers,
                                 std::string_view preprocess, const std::stop_token& stop,
                                 const ProgressFn& progress) {
  std::vector<float> rows;
  rows.reserve(images.size() * static_cast<std::size_t>(towers.manifest().embed_dim));
  const auto batch = static_cast<std::size_t>(towers.max_batch());
  for (std::size_t first = 0; first < images.size(); first += batch) {
    check_stop(stop);
    const auto part = images.subspan(first, std::min(batch, images.size() - first));
    Tensor pixels;
    try {
      pixels = towers.pixels(part, preprocess);
    } catch (const Error& error) {
      // One of the batch; find out which by taking them one at a time.
      for (std::size_t i = 0; images.size() > 1 && i < part.size(); ++i) {
        try {
          towers.pixels(part.subspan(i, 1), preprocess);
        } catch (const Error& own) {
          fail(own.code(), "image ", first + i, ": ", own.what());
        }
      }
      throw;
    }
    const Tensor embeddings = towers.image(pixels).cpu();
    rows.insert(rows.end(), embeddings.floats().begin(), embeddings.floats().end());
    if (progress) {
      progress(static_cast<std::int64_t>(first + part.size()),
               static_cast<std::int64_t>(images.size()));
    }
  }
  return rows;
}

std::vector<float> encode_texts(std::span<const std::string> texts, const Towers& towers,
                                const std::stop_token& stop, const ProgressFn& progress) {
  std::vector<Ids> ids;
  ids.reserve(texts.size());
  for (const std::string& text : texts) ids.push_back(towers.tokenize(text));
  std::vector<std::size_t> order(texts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return ids[a].size() < ids[b].size(); });

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
  return rows;
}

}  // namespace glint
