// The little arithmetic that the heads here share.
#pragma once

#include <glint/glint.h>

#include <span>
#include <vector>

namespace glint::own {

inline std::vector<float> values_of(const Tensor& tensor) {
  const auto numbers = tensor.floats();
  return {numbers.begin(), numbers.end()};
}

inline std::vector<float> unit(std::vector<float> row) {
  normalize_rows(row, static_cast<std::int64_t>(row.size()));
  return row;
}

// scale * rows . image, for unit rows [K, D] and an image embedding of any length.
inline std::vector<float> logits_of(const Tensor& embedding, std::span<const float> rows,
                                    double scale) {
  const std::vector<float> image = unit(values_of(embedding));
  std::vector<float> logits(rows.size() / image.size());
  dot_matrix(image, rows, static_cast<std::int64_t>(image.size()), logits);
  for (float& logit : logits) logit *= static_cast<float>(scale);
  return logits;
}

// start, context, then the rest of the text: embeddings [1, 1 + M + rest, width] of
// embedded [1, L, width] and context [M, width].
inline Tensor insert_context(const Tensor& embedded, std::span<const float> context) {
  const auto text = embedded.floats();
  const std::int64_t width = embedded.dim(2);
  std::vector<float> whole(text.begin(), text.begin() + width);
  whole.insert(whole.end(), context.begin(), context.end());
  whole.insert(whole.end(), text.begin() + width, text.end());
  const std::int64_t length = static_cast<std::int64_t>(whole.size()) / width;
  return Tensor::from({1, length, width}, whole);
}

inline Tensor embed_words(const std::string& words, const Towers& towers) {
  const auto ids = towers.tokenize(words);
  return towers.embed(Tensor::from({1, static_cast<std::int64_t>(ids.size())}, ids)).cpu();
}

inline Tensor last_position(const Tensor& embeddings) {
  const std::vector<std::int64_t> eot{embeddings.dim(1) - 1};
  return Tensor::from({1}, eot);
}

// One image after another through the plain image tower.
inline std::vector<ImageState> encode_plainly(std::span<const ImageView> images,
                                              const Towers& towers) {
  std::vector<ImageState> states;
  for (const ImageView& image : images) {
    const Tensor row = towers.image(towers.pixels({&image, 1}, "default")).cpu();
    states.push_back(
        {.width = image.width, .height = image.height, .embedding = row.reshape({row.dim(1)})});
  }
  return states;
}

}  // namespace glint::own
