#include "text/clean.h"

#include <gtest/gtest.h>

#include <ctime>

#include "text/unicode.h"
#include "text_support.h"

namespace glint {
namespace {

std::string lower(std::string_view text) { return encode_utf8(lower_case(decode_utf8(text))); }

std::string collapse(std::string_view text) {
  return encode_utf8(collapse_whitespace(decode_utf8(text)));
}

TEST(CleanTest, RunsOfWhiteSpaceBecomeOneSpaceAndNoneAtTheEnds) {
  EXPECT_EQ(collapse(" \t a \u2003\u3000\n b\u00a0c\x1c\r\n"), "a b c");
  EXPECT_EQ(collapse(" \n "), "");
  EXPECT_EQ(collapse(""), "");
}

TEST(CleanTest, ZeroWidthCharactersAreNoWhiteSpace) {
  EXPECT_EQ(collapse("a\u200b\u2060\ufeffb"), "a\u200b\u2060\ufeffb");
}

TEST(CleanTest, DottedCapitalIBecomesTwoCharacters) { EXPECT_EQ(lower("\u0130X"), "i\u0307x"); }

TEST(CleanTest, SigmaAtTheEndOfAWordIsFinal) {
  EXPECT_EQ(lower("\u03a3\u0391\u03a3 \u03a3"), "\u03c3\u03b1\u03c2 \u03c3");
}

TEST(CleanTest, FinalSigmaLooksThroughIgnorableCharacters) {
  EXPECT_EQ(lower("A.\u03a3' B"), "a.\u03c2' b");
  EXPECT_EQ(lower("A\u03a3.A"), "a\u03c3.a");
}

TEST(CleanTest, LowerCaseOfManySigmasIsLinear) {
  std::u32string text;
  for (int i = 0; i < 300000; ++i) text += U"\u03a3\u0301\u0301";
  const std::clock_t start = std::clock();  // of this process: others may be busy
  EXPECT_EQ(lower_case(text).size(), text.size());
  EXPECT_LT(std::clock() - start, 10 * CLOCKS_PER_SEC);
}

TEST(CleanTest, StepsRunInTheReferencesOrder) {
  EXPECT_EQ(clean_lower(" A&amp;#32;&amp;lt;B&nbsp;  C&Eacute; "), "a <b c\u00e9");
}

TEST(CleanTest, ReferencesBesideALessThanAreDecodedTwiceAndNotThrice) {
  EXPECT_EQ(clean_lower("< &amp;amp;lt;"), "< &lt;");
}

// Without a "<", ftfy has decoded them to the end before.
TEST(CleanTest, OtherReferencesAreDecodedToTheEnd) {
  EXPECT_EQ(clean_lower("&amp;amp;amp;amp;eacute;"), "\u00e9");
}

TEST(CleanTest, GoldenStepsEqualPython) {
  int checked = 0;
  for (const auto& line : test::golden_lines("steps.jsonl.gz")) {
    const auto step = line.at("step").get<std::string>();
    if (step != "lower" && step != "collapse") continue;
    const auto in = line.at("in").get<std::string>();
    EXPECT_EQ(step == "lower" ? lower(in) : collapse(in), line.at("out").get<std::string>());
    ++checked;
  }
  EXPECT_GT(checked, 200);
}

}  // namespace
}  // namespace glint
