#include "text/words.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "text/unicode.h"
#include "text_support.h"

namespace glint {
namespace {

std::vector<std::string> words_of(std::string_view utf8) {
  Words words(utf8);
  std::vector<std::string> out;
  while (const auto word = words.next()) out.emplace_back(word->text);
  return out;
}

using Strings = std::vector<std::string>;

TEST(WordsTest, LettersRunTogetherNumbersStandAlone) {
  EXPECT_EQ(words_of("ab 12 \u00e9\u65e5\u0663"),
            (Strings{"ab", "1", "2", "\u00e9\u65e5", "\u0663"}));
}

TEST(WordsTest, EverythingElseRunsTogether) {
  EXPECT_EQ(words_of("a!?_\u20ac b"), (Strings{"a", "!?_\u20ac", "b"}));
}

TEST(WordsTest, ContractionsAreWords) {
  EXPECT_EQ(words_of("don't they'RE"), (Strings{"don", "'t", "they", "'RE"}));
  EXPECT_EQ(words_of("'stop"), (Strings{"'s", "top"}));
}

TEST(WordsTest, ContractionsStartOnlyWhereAWordStarts) {
  EXPECT_EQ(words_of("!'s"), (Strings{"!'", "s"}));
}

TEST(WordsTest, TheLongSCountsAsAnS) { EXPECT_EQ(words_of("a'\u017f"), (Strings{"a", "'\u017f"})); }

TEST(WordsTest, SpelledSpecialTokensAreRecognised) {
  const std::string text = "a<start_of_text><end_of_text>";
  Words words(text);
  EXPECT_EQ(words.next()->kind, WordKind::kText);
  EXPECT_EQ(words.next()->kind, WordKind::kStart);
  EXPECT_EQ(words.next()->kind, WordKind::kEnd);
  EXPECT_FALSE(words.next());
}

TEST(WordsTest, AnotherSpellingOfASpecialTokenIsOneWordButNotSpecial) {
  const std::string text = "<\u017ftart_of_text>";
  const auto word = Words(text).next();
  EXPECT_EQ(word->text, text);
  EXPECT_EQ(word->kind, WordKind::kText);
}

TEST(WordsTest, SpecialTokensInsideARunOfPunctuationAreNotSpecial) {
  EXPECT_EQ(words_of("<<end_of_text>"), (Strings{"<<", "end", "_", "of", "_", "text", ">"}));
}

TEST(WordsTest, TheIotaBelowBelongsToNoWord) {
  EXPECT_EQ(words_of("a\u0345b!\u0345!"), (Strings{"a", "b", "!", "!"}));
}

TEST(WordsTest, GoldenStepsEqualTheReferencePattern) {
  int checked = 0;
  for (const auto& line : test::golden_lines("steps.jsonl.gz")) {
    if (line.at("step") != "words") continue;
    const auto in = line.at("in").get<std::string>();
    EXPECT_EQ(words_of(in), line.at("out").get<Strings>()) << in;
    ++checked;
  }
  EXPECT_GT(checked, 100);
}

}  // namespace
}  // namespace glint
