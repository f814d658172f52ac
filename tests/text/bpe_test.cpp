#include "text/bpe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <random>

#include "text/unicode.h"
#include "text_support.h"

namespace glint {
namespace {

using Ids = std::vector<std::int64_t>;

Ids encode(const BytePairs& pairs, std::u32string_view word) {
  BytePairs::Workspace work;
  Ids ids;
  pairs.append(encode_utf8(word), work, ids);
  return ids;
}

// The reference's loop as it stands: the first pair in the vocabulary, all its occurrences, again.
class Quadratic {
 public:
  explicit Quadratic(std::span<const Merge> merges) {
    for (std::size_t i = 0; i < merges.size(); ++i) {
      made_[{merges[i].left, merges[i].right}] = kFirstMerge + static_cast<std::int64_t>(i);
    }
  }

  Ids encode(std::u32string_view word) const {
    Ids ids;
    for (const char c : encode_utf8(word)) {
      ids.push_back(byte_symbols()[static_cast<unsigned char>(c)]);
    }
    ids.back() += kByteSymbols;
    while (true) {
      auto best = made_.end();
      for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
        const auto rule = made_.find({ids[i], ids[i + 1]});
        if (rule == made_.end()) continue;
        if (best == made_.end() || rule->second < best->second) best = rule;
      }
      if (best == made_.end()) return ids;
      Ids merged;
      for (std::size_t i = 0; i < ids.size(); ++i) {
        const bool here = i + 1 < ids.size() && std::pair(ids[i], ids[i + 1]) == best->first;
        merged.push_back(here ? best->second : ids[i]);
        if (here) ++i;
      }
      ids = merged;
    }
  }

 private:
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> made_;
};

std::vector<Merge> small_merges() {
  return read_merges(test::as_bytes("#version: 0.2\na a\nb c\na b\naa b\nab c</w>\n"), 5);
}

std::vector<Merge> clip_merges() { return read_merges(test::published_vocabulary(), 48894); }

TEST(BpeTest, OneByteIsTheSymbolOfAWordsEnd) {
  const BytePairs pairs(small_merges());
  EXPECT_EQ(encode(pairs, U"a"), (Ids{64 + 256}));
}

TEST(BpeTest, FirstLineMergesFirst) {
  const BytePairs pairs(small_merges());
  // "b c" comes before "a b".
  EXPECT_EQ(encode(pairs, U"abcd"), (Ids{64, kFirstMerge + 1, 67 + 256}));
}

TEST(BpeTest, OverlappingOccurrencesMergeFromTheLeft) {
  const BytePairs pairs(small_merges());
  EXPECT_EQ(encode(pairs, U"aaad"), (Ids{kFirstMerge, 64, 67 + 256}));
}

TEST(BpeTest, TheEndOfAWordIsAnotherSymbol) {
  const BytePairs pairs(small_merges());
  EXPECT_EQ(encode(pairs, U"aa"), (Ids{64, 64 + 256}));
  EXPECT_EQ(encode(pairs, U"abc"), (Ids{kFirstMerge + 4}));
}

TEST(BpeTest, AVocabularyWithoutMergesGivesBytes) {
  const BytePairs pairs(std::span<const Merge>{});
  EXPECT_EQ(encode(pairs, U"ab"), (Ids{64, 65 + 256}));
}

TEST(BpeTest, RandomWordsEqualTheQuadraticLoop) {
  const auto merges = clip_merges();
  const BytePairs pairs(merges);
  const Quadratic quadratic(merges);
  std::mt19937 random(1);
  const std::u32string_view alphabets[] = {U"ab", U"etaoinshrdlu", U"!?.-_~",
                                           U"aeiou\u00e9\u65e5\U0001f431"};
  for (int i = 0; i < 3000; ++i) {
    const auto alphabet = alphabets[random() % 4];
    std::u32string word(1 + random() % 40, U' ');
    for (char32_t& c : word) c = alphabet[random() % alphabet.size()];
    ASSERT_EQ(encode(pairs, word), quadratic.encode(word)) << encode_utf8(word);
  }
}

TEST(BpeTest, RandomVocabulariesEqualTheQuadraticLoop) {
  std::mt19937 random(2);
  for (int round = 0; round < 60; ++round) {
    // Any pairs of earlier symbols will do, as long as no pair comes twice.
    std::vector<Merge> merges;
    std::vector<std::int32_t> symbols{64, 65, 64 + 256, 65 + 256};
    for (int i = 0; i < 24; ++i) {
      const Merge merge{symbols[random() % symbols.size()], symbols[random() % symbols.size()]};
      const bool known = std::any_of(merges.begin(), merges.end(), [&](const Merge& other) {
        return other.left == merge.left && other.right == merge.right;
      });
      if (known) continue;
      symbols.push_back(kFirstMerge + static_cast<std::int32_t>(merges.size()));
      merges.push_back(merge);
    }
    const BytePairs pairs(merges);
    const Quadratic quadratic(merges);
    for (int i = 0; i < 50; ++i) {
      std::u32string word(1 + random() % 30, U'a');
      for (char32_t& c : word) c += static_cast<char32_t>(random() % 2);
      ASSERT_EQ(encode(pairs, word), quadratic.encode(word)) << encode_utf8(word);
    }
  }
}

TEST(BpeTest, AWorkspaceServesManyWords) {
  const BytePairs pairs(clip_merges());
  BytePairs::Workspace work;
  Ids together;
  Ids apart;
  for (const auto* word : {U"photograph", U"a", U"antidisestablishmentarianism", U"of", U"!!!"}) {
    pairs.append(encode_utf8(word), work, together);
    for (const auto id : encode(pairs, word)) apart.push_back(id);
  }
  EXPECT_EQ(together, apart);
}

// A quadratic loop would take hours.
TEST(BpeTest, AMillionLettersTakeSeconds) {
  const BytePairs pairs(clip_merges());
  std::mt19937 random(3);
  std::u32string word(1000000, U'a');
  for (char32_t& c : word) c += static_cast<char32_t>(random() % 26);
  const std::clock_t start = std::clock();  // of this process: others may be busy
  EXPECT_GT(encode(pairs, word).size(), 100000u);
  EXPECT_LT(std::clock() - start, 30 * CLOCKS_PER_SEC);
}

}  // namespace
}  // namespace glint
