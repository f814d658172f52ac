#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

#include "text/ftfy/bytes.h"
#include "text/ftfy/characters.h"
#include "text/ftfy/encoding.h"
#include "text/ftfy/entities.h"
#include "text/ftfy/fix_text.h"
#include "text/ftfy/mojibake.h"
#include "text/unicode.h"
#include "text_support.h"

namespace glint::ftfy {
namespace {

using test::golden_lines;

std::string fix(std::string_view text) { return encode_utf8(fix_text(decode_utf8(text))); }

TEST(FtfyTest, GoldenTextsEqualFtfy) {
  int checked = 0;
  int changed = 0;
  for (const auto& line : golden_lines("steps.jsonl.gz")) {
    if (line.at("step") != "ftfy") continue;
    const auto in = line.at("in").get<std::string>();
    const std::string out = fix(in);
    EXPECT_EQ(out, line.at("out").get<std::string>()) << line;
    ++checked;
    if (out != in) ++changed;
  }
  EXPECT_GT(checked, 1500);
  EXPECT_GT(changed, 1000);
}

TEST(FtfyTest, BadnessBesideAllCodePointsEqualsFtfy) {
  // 0 stands for the code point.
  const std::u32string neighbourhoods[] = {
      {0},
      {0xC3, 0},
      {0xE9, 0, U'a'},
      {0, 0xA6},
      {U'x', 0, 0xA6},
      {0, 0xC2, U' '},
      {0xD8, 0, 0xD9, 0},
      {0x413, 0, 0x412},
  };
  std::string out;
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    for (std::u32string text : neighbourhoods) {
      std::replace(text.begin(), text.end(), U'\0', c);
      out += is_bad(text) ? 'b' : '-';
    }
  }
  EXPECT_EQ(test::crc(out), test::golden_crc("bad"));
}

TEST(FtfyTest, MojibakeIsDecodedHoweverOftenItWasEncoded) {
  EXPECT_EQ(fix("sch\u00c3\u00b6n"), "sch\u00f6n");
  EXPECT_EQ(fix("sch\u00c3\u0192\u00c2\u00b6n"), "sch\u00f6n");
  EXPECT_EQ(fix("\u00d0\u009f\u00d1\u2039"), fix("\u041f\u044b"));
}

TEST(FtfyTest, MojibakeWithinOtherTextIsDecodedAlone) {
  EXPECT_EQ(fix("\u65e5\u672c sch\u00c3\u00b6n \u00e9"), "\u65e5\u672c sch\u00f6n \u00e9");
}

TEST(FtfyTest, HonestAccentsStay) {
  for (const char* text : {"d\u00e9j\u00e0 vu", "\u00c5ngstr\u00f6m", "\u20ac 5", "\u00c2ngelo"}) {
    EXPECT_EQ(fix(text), text);
  }
}

TEST(FtfyTest, ANonBreakingSpaceThatBecameASpaceIsPutBack) {
  EXPECT_EQ(restore_byte_a0("voil\xC3 le"), "voil\xC3\xA0 le");
  EXPECT_EQ(restore_byte_a0("\xC3 quele"), "\xC3\xA0quele");
  EXPECT_EQ(restore_byte_a0("\xE2 \x85 \xE1\x85 "), "\xE2 \x85 \xE1\x85 ");  // 85 never
  EXPECT_EQ(restore_byte_a0("\xF0\x9F \x80"), "\xF0\x9F\xA0\x80");
}

TEST(FtfyTest, SequencesWithALostByteBecomeReplacementCharacters) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(replace_lossy_sequences("a\x1A\xC3?\xC4?"), "a" + r + r + "\xC4?");
  EXPECT_EQ(replace_lossy_sequences("\xE2\x80\x1A\xF0\x9F?\x80"), r + r);
  EXPECT_EQ(replace_lossy_sequences("\xED\xA0\x1A\xED\xB0\x80"), r);
}

TEST(FtfyTest, Cesu8AndJavasNullAreDecoded) {
  EXPECT_EQ(decode_utf8_variants("\xED\xA0\xBD\xED\xB8\x8D"), U"\U0001F60D");
  EXPECT_EQ(decode_utf8_variants("\xC0\x80"), std::u32string(1, U'\0'));
  EXPECT_EQ(decode_utf8_variants("\xED\xA0\xBD"), std::nullopt);
  EXPECT_EQ(decode_utf8_variants("\xED\x95\x9C"), U"\ud55c");
  EXPECT_EQ(decode_utf8_variants("a\xC0"), std::nullopt);
}

TEST(FtfyTest, ALineFeedThatEndsTheTextIsTakenIntoASequenceAsInTheReference) {
  EXPECT_EQ(decode_utf8_variants("\xC0\n"), std::u32string(1, U'\0'));
  EXPECT_EQ(decode_utf8_variants("\xC0\na"), std::nullopt);
  EXPECT_EQ(decode_utf8_variants("\xED\xA0\xBD\xED\xB8\n"), U"\U0001F60A");
}

TEST(FtfyTest, ReferencesNeedTheirSemicolonAndMayBeInCapitals) {
  const auto unescape = [](std::u32string text) { return unescape_entities(std::move(text)); };
  EXPECT_EQ(unescape(U"&eacute; &EACUTE; &SZLIG; &eacute"), U"\u00e9 \u00c9 SS &eacute");
  EXPECT_EQ(unescape(U"&nTILDE; &COPYSR; &notit; &#59;"), U"&nTILDE; &COPYSR; &notit; &#59;");
  EXPECT_EQ(unescape(U"&CounterClockwiseContourIntegral;"), U"&CounterClockwiseContourIntegral;");
  EXPECT_EQ(unescape(U"&#12abc; &#xe9; &#x1;|"), U"&#12abc; \u00e9 |");
}

TEST(FtfyTest, ALessThanKeepsTheReferencesOfItsLineAndOfAllThatFollow) {
  EXPECT_EQ(fix("&eacute;\n<\n&eacute;"), "\u00e9\n<\n&eacute;");
  EXPECT_EQ(fix("&lt;&eacute;"), "<\u00e9");  // decided before the first round
}

TEST(FtfyTest, SingleCharactersAreRepaired) {
  EXPECT_EQ(fix("\ufb01ne \ufb03"), "fine ffi");
  EXPECT_EQ(fix("\uff2c\uff2f\uff35\uff24\u3000\uff8a\uff9f"), "LOUD \u30d1");
  EXPECT_EQ(fix("\u201cit\u2019s\u201d"), "\"it's\"");
  EXPECT_EQ(fix("a\r\nb\rc\u2028d\u2029e"), "a\nb\nc\nd\ne");
  EXPECT_EQ(fix("\x1b[36;44mblue\x1b[0m \x1b[\u0663m \x1b["), "blue  [");
  EXPECT_EQ(fix("a\x01\x7f\ufeff\ufffc\u206ab"), "ab");
  EXPECT_EQ(encode_utf8(fix_c1_controls(U"\u0080\u0081\u009f")), "\u20ac\u0081\u0178");
}

TEST(FtfyTest, PlainMeansThatNothingCanChange) {
  EXPECT_TRUE(is_plain("a <b> \n ~"));
  for (const char* text : {"&", "\t", "\x7f", "\x1b", "\r", "\u00e9"}) EXPECT_FALSE(is_plain(text));
}

TEST(FtfyTest, NestedReferencesAreDecodedToTheEndAsFarAsTheBoundGoes) {
  std::string text = "&";
  for (int i = 0; i < 1000; ++i) text += "amp;";
  EXPECT_EQ(fix(text), "&");
}

// One round for every four characters would take hours.
TEST(FtfyTest, AMillionNestedReferencesTakeABoundedNumberOfRounds) {
  std::string text = "&";
  for (int i = 0; i < 249'999; ++i) text += "amp;";
  const std::string fixed = fix(text);
  EXPECT_LT(fixed.size(), text.size());
  EXPECT_EQ(fixed.substr(0, 9), "&amp;amp;");
}

std::clock_t time_of(const std::string& text) {
  const std::u32string characters = decode_utf8(text);
  std::clock_t best = 0;
  for (int i = 0; i < 3; ++i) {
    const std::clock_t start = std::clock();  // of this process: others may be busy
    fix_text(characters);
    const std::clock_t time = std::clock() - start;
    best = i == 0 ? time : std::min(best, time);
  }
  return best;
}

TEST(FtfyTest, TimeGrowsWithTheTextAndNotItsSquare) {
  for (const std::string piece : {"\u043a\u043e\u0442 ", "sch\u00c3\u00b6n ", "\u00c3\u00b6\u65e5",
                                  "a\u0323\u0302", "\x1b[1", "\u0301", "&eacute;\u00c3",
                                  "\u00e9\u201c\n", "\u00c3\u0192\u00c2\u00b6", "\u00d0\u0178 "}) {
    std::string small;
    while (small.size() < 100'000) small += piece;
    std::string large;
    for (int i = 0; i < 10; ++i) large += small;
    // Ten times the text; half as much again for what no longer fits the caches.
    EXPECT_LT(time_of(large), 15 * time_of(small) + CLOCKS_PER_SEC / 50) << piece;
  }
}

}  // namespace
}  // namespace glint::ftfy
