// Towers that count the tokens of texts instead of computing: an id for each word and for each full
// stop.
#pragma once

#include <glint/towers.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace glint::test {

class CountingTowers final : public Towers {
 public:
  static constexpr std::int64_t kContext = 77, kDim = 4, kWidth = 3, kStart = 1, kEnd = 2;

  CountingTowers() {
    manifest_.embed_dim = kDim;
    manifest_.logit = {.scale = 100, .bias = 0};
    manifest_.tokenizer.emplace();
    manifest_.tokenizer->context_length = kContext;
    manifest_.tokenizer->start_id = kStart;
    manifest_.tokenizer->end_id = kEnd;
    auto& methods = manifest_.towers["text"].methods;
    methods["encode_prefix"] = {{port("embeddings", 3)}, {port("keys", 5), port("values", 5)}};
    methods["forward_suffix"] = {
        {port("embeddings", 3), port("eot", 1), port("keys", 4), port("values", 4)},
        {port("embedding", 2)}};
  }
  const Manifest& manifest() const override { return manifest_; }
  std::int64_t max_batch() const override { return 32; }
  Tensor pixels(std::span<const ImageView>, std::string_view) const override { return {}; }

  std::vector<std::int64_t> tokenize(std::string_view text) const override {
    std::vector<std::int64_t> ids{kStart};
    std::istringstream words{std::string(text)};
    for (std::string word; words >> word;) {
      const bool stop = word.ends_with(".");
      if (stop) word.pop_back();
      ids.push_back(words_.emplace(word, kEnd + 2 + words_.size()).first->second);
      if (stop) ids.push_back(kEnd + 1);
    }
    ids.push_back(kEnd);
    return ids;
  }

  NamedTensors call(std::string_view tower, std::string_view method,
                    const NamedTensors& inputs) const override {
    const bool of_ids = method == "embed" || (tower == "text" && method == "forward");
    const Tensor& first = of_ids ? inputs.at("ids") : inputs.begin()->second;
    const std::int64_t batch = first.dim(0);
    if (tower == "image") return {{"embedding", filled({batch, kDim})}};
    if (tower == "meta_net") return {{"shift", filled({batch, kWidth})}};
    const std::int64_t length = first.dim(1);
    if (method == "embed") return {{"embeddings", filled({batch, length, kWidth})}};
    tokens += batch * length;
    ++calls;
    if (method == "encode_prefix") {
      return {{"keys", filled({batch, 1, 1, length, 1})},
              {"values", filled({batch, 1, 1, length, 1})}};
    }
    const std::int64_t prefix = method == "forward_suffix" ? inputs.at("keys").dim(2) : 0;
    most_rows = std::max(most_rows, batch * (length + prefix));
    return {{"embedding", filled({batch, kDim})}};
  }

  mutable std::int64_t tokens = 0;     // that the text tower encoded
  mutable std::int64_t calls = 0;      // in which it did
  mutable std::int64_t most_rows = 0;  // of a call, those of the prefix counted for each text

 private:
  static Port port(const std::string& name, std::size_t rank) {
    Port made;
    made.name = name;
    made.shape.assign(rank, PortSize("N"));
    return made;
  }
  static Tensor filled(const std::vector<std::int64_t>& shape) {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) count *= size;
    return Tensor::from(shape, std::vector<float>(static_cast<std::size_t>(count), 0.5F));
  }
  Manifest manifest_;
  mutable std::map<std::string, std::int64_t> words_;
};

}  // namespace glint::test
