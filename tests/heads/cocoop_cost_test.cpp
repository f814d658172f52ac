// How much text CoCoOp encodes for an image, counted where it enters the tower.
#include <algorithm>
#include <sstream>

#include "heads/cocoop.h"
#include "prompts_package.h"

namespace glint {
namespace {

using Ids = std::vector<std::int64_t>;

constexpr std::int64_t kContext = 77, kDim = 4, kWidth = 3, kStart = 1, kEnd = 2;

// Towers that count tokens instead of computing: an id for each word and for each full stop.
class CountingTowers final : public Towers {
 public:
  CountingTowers() {
    manifest_.embed_dim = kDim;
    manifest_.logit = {.scale = 100, .bias = 0};
    manifest_.tokenizer.emplace();
    manifest_.tokenizer->context_length = kContext;
    manifest_.tokenizer->start_id = kStart;
    manifest_.tokenizer->end_id = kEnd;
  }
  const Manifest& manifest() const override { return manifest_; }
  std::int64_t max_batch() const override { return 32; }
  Tensor pixels(std::span<const ImageView>, std::string_view) const override { return {}; }

  Ids tokenize(std::string_view text) const override {
    Ids ids{kStart};
    std::istringstream words{std::string(text)};
    for (std::string word; words >> word;) {
      ids.push_back(3);
      if (word.ends_with(".")) ids.push_back(4);
    }
    ids.push_back(kEnd);
    return ids;
  }

  NamedTensors call(std::string_view tower, std::string_view method,
                    const NamedTensors& inputs) const override {
    const Tensor& first = method == "embed" ? inputs.at("ids") : inputs.begin()->second;
    const std::int64_t batch = first.dim(0);
    if (tower == "image") return {{"embedding", filled({batch, kDim})}};
    if (tower == "meta_net") return {{"shift", filled({batch, kWidth})}};
    const std::int64_t length = first.dim(1);
    if (method == "embed") return {{"embeddings", filled({batch, length, kWidth})}};
    tokens += batch * length;
    if (method == "encode_prefix") {
      return {{"keys", filled({batch, 1, 1, length, 1})},
              {"values", filled({batch, 1, 1, length, 1})}};
    }
    most_rows = std::max(most_rows, batch * (length + inputs.at("keys").dim(2)));
    return {{"embedding", filled({batch, kDim})}};
  }

  mutable std::int64_t tokens = 0;     // that the text tower encoded
  mutable std::int64_t most_rows = 0;  // of a call, those of the prefix counted for each text

 private:
  static Tensor filled(const std::vector<std::int64_t>& shape) {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) count *= size;
    return Tensor::from(shape, std::vector<float>(static_cast<std::size_t>(count), 0.5F));
  }
  Manifest manifest_;
};

// As many names of each length as ImageNet has.
test::Labels imagenet_like() {
  test::Labels names;
  for (const auto& [length, count] : test::prompts_golden()["imagenet_lengths"].items()) {
    for (int i = 0; i < count.get<int>(); ++i) {
      std::string name = std::to_string(names.size());
      for (int word = 3; word < std::stoi(length); ++word) name += " w";
      names.push_back(name);
    }
  }
  return names;
}

// The official code computes 77 tokens a class: 77,000 for each image.
TEST(CocoopCostTest, AThousandNamesCostATenthOfTheOfficialTokensAtMost) {
  const CountingTowers towers;
  const CocoopHead head("default", Tensor::from({4, kWidth}, std::vector<float>(4 * kWidth)));
  const auto names = imagenet_like();
  ASSERT_EQ(names.size(), 1000U);
  const auto text = head.prepare({.labels = names}, towers);
  EXPECT_EQ(towers.tokens, 0);
  const Tensor pixels = Tensor::from({2, 1}, std::vector<float>(2));
  const auto states = head.encode_pixels(pixels, towers, {});
  EXPECT_EQ(towers.tokens, 2 * 5);
  towers.tokens = 0;
  head.predict(states[0], text, towers, {});
  const std::int64_t an_image = 5 + towers.tokens;
  RecordProperty("tokens", std::to_string(an_image));
  EXPECT_EQ(an_image, 4170);
  EXPECT_LE(an_image * 10, 1000 * kContext);
}

// Memory is that of max_batch() texts of the full length, whatever the number of labels.
TEST(CocoopCostTest, NoCallGetsMoreRowsThanItsBudget) {
  const CountingTowers towers;
  const CocoopHead head("default", Tensor::from({4, kWidth}, std::vector<float>(4 * kWidth)));
  const auto state =
      head.encode_pixels(Tensor::from({1, 1}, std::vector<float>(1)), towers, {}).front();
  head.predict(state, head.prepare({.labels = imagenet_like()}, towers), towers, {});
  EXPECT_LE(towers.most_rows, 32 * kContext);
  EXPECT_GT(towers.most_rows, 32 * kContext / 2);
}

}  // namespace
}  // namespace glint
