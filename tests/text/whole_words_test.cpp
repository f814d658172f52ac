#include "text/whole_words.h"

#include <gtest/gtest.h>

#include <string>

#include "text/bpe.h"
#include "text/vocabulary.h"
#include "text_support.h"

namespace glint {
namespace {

TEST(WholeWordsTest, FindsWhatWasAddedAndNothingElse) {
  WholeWords words(40);
  std::string word;
  for (int size = 1; size <= 16; ++size) {
    word += static_cast<char>('a' + size);
    words.add(word, size);
  }
  for (int size = 1; size <= 16; ++size) {
    const std::string found = word.substr(0, static_cast<std::size_t>(size));
    EXPECT_EQ(words.find(found), size);
    for (std::size_t i = 0; i < found.size(); ++i) {  // every byte counts
      std::string other = found;
      other[i] = '#';
      EXPECT_EQ(words.find(other), WholeWords::kNone) << other;
    }
  }
  EXPECT_EQ(words.find(""), WholeWords::kNone);
  EXPECT_EQ(words.find(word + "x"), WholeWords::kNone);
  EXPECT_EQ(words.find(std::string(16, '\0')), WholeWords::kNone);
}

TEST(WholeWordsTest, AFullTableLeavesWordsOut) {
  WholeWords words(0);
  for (int i = 0; i < 200; ++i) words.add(std::to_string(i), i);
  int found = 0;
  for (int i = 0; i < 200; ++i) {
    const std::int32_t symbol = words.find(std::to_string(i));
    EXPECT_TRUE(symbol == i || symbol == WholeWords::kNone);
    found += symbol == i ? 1 : 0;
  }
  EXPECT_GT(found, 0);
  EXPECT_LT(found, 200);
}

// Nothing of the published vocabulary is lost to crowded places of the table.
TEST(WholeWordsTest, HoldsThePublishedVocabulary) {
  WholeWords words(49152);
  const auto merges = read_merges(test::published_vocabulary(), 48894);
  std::vector<std::string> spellings(kFirstMerge);
  const auto bytes = byte_symbols();
  for (std::size_t byte = 0; byte < bytes.size(); ++byte) {
    const auto symbol = static_cast<std::size_t>(bytes[byte]);
    spellings[symbol] = spellings[symbol + kByteSymbols] = std::string(1, static_cast<char>(byte));
  }
  std::vector<bool> ends(kFirstMerge, false);
  std::fill(ends.begin() + kByteSymbols, ends.end(), true);
  for (const auto [left, right] : merges) {
    ends.push_back(ends[static_cast<std::size_t>(right)]);
    spellings.push_back(spellings[static_cast<std::size_t>(left)] +
                        spellings[static_cast<std::size_t>(right)]);
  }
  std::int32_t lost = 0, words_added = 0;
  for (std::size_t symbol = kByteSymbols; symbol < spellings.size(); ++symbol) {
    if (!ends[symbol] || spellings[symbol].size() > WholeWords::kMaxBytes) continue;
    words.add(spellings[symbol], static_cast<std::int32_t>(symbol));
    ++words_added;
  }
  for (std::size_t symbol = kByteSymbols; symbol < spellings.size(); ++symbol) {
    if (!ends[symbol] || spellings[symbol].size() > WholeWords::kMaxBytes) continue;
    lost += words.find(spellings[symbol]) == static_cast<std::int32_t>(symbol) ? 0 : 1;
  }
  EXPECT_GT(words_added, 34'000);
  EXPECT_LE(lost, 20);
}

}  // namespace
}  // namespace glint
