// How much text CoOp encodes for its names and CoCoOp for an image, counted where it enters the
// tower.
#include "counting_towers.h"
#include "heads/cocoop.h"
#include "heads/coop.h"
#include "prompts_package.h"

namespace glint {
namespace {

constexpr auto kWidth = test::CountingTowers::kWidth, kContext = test::CountingTowers::kContext;

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
  const test::CountingTowers towers;
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
  EXPECT_EQ(an_image, 4170 + 7);  // a few long names are filled up to share calls
  EXPECT_LE(an_image * 10, 1000 * kContext);
}

// Memory is that of max_batch() texts of 32 ids, whatever the number of labels.
TEST(CocoopCostTest, NoCallGetsMoreRowsThanItsBudget) {
  const test::CountingTowers towers;
  const CocoopHead head("default", Tensor::from({4, kWidth}, std::vector<float>(4 * kWidth)));
  const auto state =
      head.encode_pixels(Tensor::from({1, 1}, std::vector<float>(1)), towers, {}).front();
  head.predict(state, head.prepare({.labels = imagenet_like()}, towers), towers, {});
  EXPECT_LE(towers.most_rows, 32 * 32);
  EXPECT_GT(towers.most_rows, 32 * 32 / 2);
}

// M = 16: start and context once, and each class from its name to its end token.
TEST(CoopCostTest, AContextForAllNamesIsEncodedOnce) {
  const std::vector<float> values(16 * kWidth);
  const CoopHead behind("default", Tensor::from({16, kWidth}, values), NamePlace::kEnd, {});
  const CoopHead around("default", Tensor::from({16, kWidth}, values), NamePlace::kMiddle, {});
  const auto names = imagenet_like();
  const test::CountingTowers at_the_end, in_the_middle;
  behind.prepare({.labels = names}, at_the_end);
  around.prepare({.labels = names}, in_the_middle);
  EXPECT_EQ(at_the_end.tokens, 17 + 4165);
  EXPECT_EQ(in_the_middle.tokens, 9 + 4165 + 8 * 1000);
  const test::CountingTowers few;
  behind.prepare({.labels = {"cat"}}, few);
  EXPECT_EQ(few.calls, 1);
}

TEST(CoopCostTest, ContextsOfTheClassesOwnAreNot) {
  const test::Labels names{"cat", "dog", "sailing boat"};
  const std::vector<float> values(3 * 4 * kWidth);
  const CoopHead head("default", Tensor::from({3, 4, kWidth}, values), NamePlace::kEnd, names);
  const test::CountingTowers towers;
  head.prepare({.labels = names}, towers);
  EXPECT_EQ(towers.tokens, 3 * (1 + 4 + 3) + 1);
}

}  // namespace
}  // namespace glint
