// Image and caption meet in a module of their own. Labels go into captions of a few each; a label's
// score at a place is that of its words.
#pragma once

#include <algorithm>
#include <cmath>

#include "own/numbers.h"

namespace glint::own {

class GlipHead final : public Head {
 public:
  explicit GlipHead(const HeadContext& head)
      : preprocess_(head.task.preprocess),
        chunk_(static_cast<std::size_t>(std::get<double>(head.spec.parameters.at("labels")))),
        threshold_(std::get<double>(head.spec.parameters.at("threshold"))) {}

  TextState prepare(const TextQuery& query, const Towers& towers) const override {
    check_labels(query.labels);
    CaptionSet set{query.labels, {}};
    for (std::size_t first = 0; first < query.labels.size(); first += chunk_) {
      check_stop(query.stop);
      set.chunks.push_back(make_chunk(query.labels, first, towers));
    }
    return set;
  }

  std::vector<ImageState> encode(std::span<const ImageView> images, const Towers& towers,
                                 const PredictOptions&) const override {
    std::vector<ImageState> states;
    for (const ImageView& image : images) {
      const Tensor pixels = towers.pixels({&image, 1}, preprocess_);
      states.push_back({.width = image.width,
                        .height = image.height,
                        .tensors = towers.call("dense", "forward", {{"pixels", pixels}})});
    }
    return states;
  }

  Prediction predict(const ImageState& image, const TextState& text, const Towers& towers,
                     const PredictOptions& options) const override {
    const auto& captions = std::get<CaptionSet>(text);
    Detection answer;
    for (const CaptionSet::Chunk& chunk : captions.chunks) {
      check_stop(options.stop);
      const NamedTensors fused = towers.call(
          "fusion", "forward",
          {{"map", image.tensors.at("map")}, {"embeddings", chunk.tensors.at("embeddings")}});
      add_objects(image, captions, chunk, fused, answer.objects);
    }
    std::ranges::stable_sort(answer.objects, std::greater<>(), &DetectedObject::score);
    return answer;
  }

 private:
  // words: [labels of the chunk, 2] i64, the first and the last position + 1 of each label's words.
  CaptionSet::Chunk make_chunk(const std::vector<std::string>& labels, std::size_t first,
                               const Towers& towers) const {
    const std::size_t last = std::min(first + chunk_, labels.size());
    const auto dot = static_cast<std::int64_t>(towers.tokenize(".").size()) - 2;
    CaptionSet::Chunk chunk;
    std::vector<std::int64_t> words;
    std::int64_t at = 1;  // behind the start token
    for (std::size_t i = first; i < last; ++i) {
      const auto count = static_cast<std::int64_t>(towers.tokenize(labels[i]).size()) - 2;
      words.insert(words.end(), {at, at + count});
      at += count + dot;
      chunk.caption += (i == first ? "" : " ") + labels[i] + ".";
      chunk.labels.push_back(static_cast<std::int64_t>(i));
    }
    const auto rows = static_cast<std::int64_t>(chunk.labels.size());
    chunk.tensors = {{"embeddings", embed_words(chunk.caption, towers)},
                     {"words", Tensor::from({rows, 2}, words)}};
    return chunk;
  }

  void add_objects(const ImageState& image, const CaptionSet& captions,
                   const CaptionSet::Chunk& chunk, const NamedTensors& fused,
                   std::vector<DetectedObject>& objects) const {
    const Tensor logits = fused.at("token_logits").cpu();  // [R, L]
    const Tensor boxes = fused.at("boxes").cpu();          // [R, 4] in fractions
    const auto words = chunk.tensors.at("words").ints();
    const auto length = static_cast<std::size_t>(logits.dim(1));
    const auto width = static_cast<float>(image.width), height = static_cast<float>(image.height);
    for (std::size_t i = 0; i < chunk.labels.size(); ++i) {
      const auto begin = static_cast<std::size_t>(words[2 * i]);
      const auto end = static_cast<std::size_t>(words[2 * i + 1]);
      for (std::size_t place = 0; place < logits.floats().size() / length; ++place) {
        double sum = 0;
        for (std::size_t t = begin; t < end; ++t) {
          sum += 1 / (1 + std::exp(-static_cast<double>(logits.floats()[place * length + t])));
        }
        const double score = sum / static_cast<double>(end - begin);
        if (score <= threshold_) continue;
        const auto box = boxes.floats().subspan(place * 4, 4);
        const auto index = static_cast<std::size_t>(chunk.labels[i]);
        objects.push_back({captions.labels[index],
                           chunk.labels[i],
                           static_cast<float>(score),
                           {box[0] * width, box[1] * height, box[2] * width, box[3] * height}});
      }
    }
  }

  std::string preprocess_;
  std::size_t chunk_;  // labels a caption
  double threshold_;
};

}  // namespace glint::own
