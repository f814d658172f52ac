// Which texts share a call, and which share a beginning.
#include "heads/text_batches.h"

#include <gtest/gtest.h>

#include <numeric>

#include "counting_towers.h"
#include "heads/prefix_plan.h"

namespace glint {
namespace {

using Sizes = std::vector<std::size_t>;

Sizes sizes_of(const std::vector<std::int64_t>& lengths, const BatchRule& rule) {
  return batch_sizes(lengths, rule);
}

TEST(BatchSizesTest, TextsOfOneLengthShareACallUpToTheBudget) {
  EXPECT_EQ(sizes_of({}, {.rows = 10}), Sizes{});
  EXPECT_EQ(sizes_of({3, 3, 4, 7, 7}, {.rows = 100}), (Sizes{2, 1, 2}));
  // 30 rows hold 10 texts; 12 are halved, so that no call gets two only.
  EXPECT_EQ(sizes_of(std::vector<std::int64_t>(12, 3), {.rows = 30}), (Sizes{6, 6}));
  EXPECT_EQ(sizes_of(std::vector<std::int64_t>(13, 3), {.rows = 20}), (Sizes{4, 4, 5}));
  // The prefix takes rows, too, and a text longer than the budget is alone.
  EXPECT_EQ(sizes_of(std::vector<std::int64_t>(12, 3), {.rows = 30, .prefix = 2}), (Sizes{6, 6}));
  EXPECT_EQ(sizes_of({50, 50}, {.rows = 30}), (Sizes{1, 1}));
}

TEST(BatchSizesTest, PaddingJoinsWhatCostsLessThanACall) {
  static_assert(kRowsOfACall == 8);
  // 7 texts and one row each are fewer than 8; 8 are not; one text may be 7 rows shorter.
  EXPECT_EQ(sizes_of({3, 3, 3, 3, 3, 3, 3, 4}, {.rows = 100, .pad = true}), (Sizes{8}));
  EXPECT_EQ(sizes_of({3, 3, 3, 3, 3, 3, 3, 3, 4}, {.rows = 100, .pad = true}), (Sizes{8, 1}));
  EXPECT_EQ(sizes_of({3, 10, 18}, {.rows = 100, .pad = true}), (Sizes{2, 1}));
  EXPECT_EQ(sizes_of({3, 10, 18}, {.rows = 100}), (Sizes{1, 1, 1}));
}

TEST(StackIdsTest, SkipsThePrefixAndFillsUpWithTheLastId) {
  const std::vector<Ids> ids{{1, 5, 6, 2}, {1, 7, 2}};
  const std::vector<std::size_t> batch{1, 0};
  const Tensor stacked = stack_ids(batch, ids, 1);
  EXPECT_EQ(stacked.dim(0), 2);
  EXPECT_TRUE(std::ranges::equal(stacked.ints(), Ids{7, 2, 2, 5, 6, 2}));
}

// Rows of a plan as the planner counts them.
std::int64_t rows_of(const std::vector<PrefixGroup>& groups, std::span<const Ids> texts) {
  std::int64_t rows = 0;
  for (const PrefixGroup& group : groups) {
    if (group.prefix > 0) rows += static_cast<std::int64_t>(group.prefix) + 4 * kRowsOfACall;
    for (const std::size_t text : group.texts) {
      EXPECT_TRUE(std::ranges::equal(std::span(texts[text]).first(group.prefix),
                                     std::span(texts[group.texts[0]]).first(group.prefix)));
      EXPECT_LT(group.prefix, texts[text].size());
      rows += static_cast<std::int64_t>(texts[text].size() - group.prefix);
    }
  }
  return rows;
}

// `starts` beginnings, each with `names` endings of two ids and an end token.
std::vector<Ids> made(const std::vector<Ids>& starts, std::int64_t names) {
  std::vector<Ids> texts;
  for (const Ids& start : starts) {
    for (std::int64_t name = 0; name < names; ++name) {
      Ids text = start;
      text.insert(text.end(), {1000 + name, 3, 2});
      texts.push_back(text);
    }
  }
  std::ranges::sort(texts);
  return texts;
}

TEST(PrefixPlanTest, FewTextsAreEncodedWhole) {
  EXPECT_TRUE(plan_prefixes({}).empty());
  const auto texts = made({{1, 10, 11}}, 9);
  const auto groups = plan_prefixes(texts);
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].prefix, 0U);
  EXPECT_EQ(groups[0].texts.size(), 9U);
}

TEST(PrefixPlanTest, ManyTextsShareTheirBeginning) {
  const auto texts = made({{1, 10, 11}}, 50);
  const auto groups = plan_prefixes(texts);
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].prefix, 3U);
}

// Those of a beginning that few texts have share the shorter one that they have with the others.
TEST(PrefixPlanTest, ABeginningThatFewTextsHaveIsNotOpened) {
  auto texts = made({{1, 10, 11, 12}, {1, 10, 13}}, 50);
  const auto few = made({{1, 10, 14}, {1, 20}, {1, 21}, {1, 22}, {1, 23}}, 8);
  texts.insert(texts.end(), few.begin(), few.end());
  std::ranges::sort(texts);
  const auto groups = plan_prefixes(texts);
  std::vector<std::pair<std::size_t, std::size_t>> found;  // (prefix, texts)
  for (const auto& group : groups) found.emplace_back(group.prefix, group.texts.size());
  std::ranges::sort(found);
  EXPECT_EQ(found, (std::vector<std::pair<std::size_t, std::size_t>>{{1, 40}, {3, 50}, {4, 50}}));
}

// All ways to open nodes of small trees, by brute force: the plan is the cheapest.
TEST(PrefixPlanTest, NothingCheaperExists) {
  for (std::int64_t seed = 1; seed <= 40; ++seed) {
    std::vector<Ids> starts{{1}, {1, 4, 5, 6, 7}, {1, 4, 5, 8, 9, 10, 11}, {1, 6 + seed % 3, 9}};
    std::vector<Ids> texts;
    for (std::size_t i = 0; i < starts.size(); ++i) {
      const auto part = made({starts[i]}, 1 + (seed * static_cast<std::int64_t>(7 + i * i)) % 37);
      texts.insert(texts.end(), part.begin(), part.end());
    }
    std::ranges::sort(texts);
    const std::int64_t planned = rows_of(plan_prefixes(texts), texts);
    // Every set of beginnings out of those that two texts share; each text takes its longest.
    const std::vector<Ids> nodes{{1}, {1, 4, 5}, starts[1], starts[2], starts[3]};
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (unsigned set = 0; set < 1U << nodes.size(); ++set) {
      std::vector<PrefixGroup> groups(nodes.size() + 1);
      for (std::size_t t = 0; t < texts.size(); ++t) {
        std::size_t best = nodes.size();
        for (std::size_t n = 0; n < nodes.size(); ++n) {
          const bool begins =
              texts[t].size() > nodes[n].size() &&
              std::ranges::equal(nodes[n], std::span(texts[t]).first(nodes[n].size()));
          if ((set >> n & 1U) != 0 && begins) best = n;
        }
        groups[best].prefix = best < nodes.size() ? nodes[best].size() : 0;
        groups[best].texts.push_back(t);
      }
      std::erase_if(groups, [](const PrefixGroup& group) { return group.texts.empty(); });
      least = std::min(least, rows_of(groups, texts));
    }
    EXPECT_EQ(planned, least) << seed;
  }
}

// 8 templates of 1,000 names: what a padded tower computes, texts up to their end token, and we.
TEST(TextCostTest, AClassifierCostsWhatFollowsItsTemplates) {
  const test::CountingTowers towers;
  std::vector<std::string> texts;
  std::int64_t whole = 0, names = 0;
  for (int name = 0; name < 1000; ++name) {
    std::string words = std::to_string(name);
    for (int i = 0; i < name % 7 - 3; ++i) words += " w";
    for (const char* text : {"a bad photo of a {}.", "itap of the {}.", "the {}.", "art of my {}.",
                             "a photo of one {} in the wild.", "a {} in a game.",
                             "a tattoo of a {}.", "the toy {}."}) {
      texts.push_back(fill_template(text, words));
      whole += static_cast<std::int64_t>(towers.tokenize(texts.back()).size());
    }
    names += static_cast<std::int64_t>(towers.tokenize(words).size()) - 2;
  }
  encode_texts(texts, towers);
  // Names, full stops and end tokens, "in the wild", "in a game", and the templates' starts.
  const std::int64_t behind = 8 * (names + 2000) + 6000;
  EXPECT_GE(towers.tokens, behind);
  EXPECT_LE(towers.tokens, behind + 100);
  EXPECT_LT(towers.tokens * 9, whole * 5);
  EXPECT_LT(towers.tokens * 14, 8000 * towers.kContext);
  EXPECT_LE(towers.calls, 100);
  EXPECT_LE(towers.most_rows, 32 * 32);
  RecordProperty("tokens", std::to_string(towers.tokens));
}

}  // namespace
}  // namespace glint
