#include "text/unicode.h"

#include <gtest/gtest.h>

#include <functional>

#include "text/clean.h"
#include "text/normalization.h"
#include "text_support.h"

namespace glint {
namespace {

std::string each_code_point(const std::function<std::u32string(char32_t)>& write) {
  std::string out;
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c < 0xD800 || c > 0xDFFF) out += encode_utf8(write(c));
  }
  return out;
}

using test::crc;
using test::golden_crc;

TEST(UnicodeTest, ClassesOfAllCodePointsEqualTheReferencePattern) {
  const auto letter_of = [](char32_t c) {
    const CharClass kind = char_class(c);
    if (kind == CharClass::kLetter) return std::u32string(U"L");
    if (kind == CharClass::kNumber) return std::u32string(U"N");
    return std::u32string(kind == CharClass::kOther ? U"." : U"-");
  };
  EXPECT_EQ(crc(each_code_point(letter_of)), golden_crc("classes"));
}

TEST(UnicodeTest, SpacesAmongAllCodePointsEqualPython) {
  const auto space = [](char32_t c) { return std::u32string(is_space(c) ? U"s" : U"-"); };
  EXPECT_EQ(crc(each_code_point(space)), golden_crc("spaces"));
}

TEST(UnicodeTest, LowerCaseOfAllCodePointsEqualsPython) {
  const auto lower = [](char32_t c) { return lower_case(std::u32string(1, c)); };
  EXPECT_EQ(crc(each_code_point(lower)), golden_crc("lower"));
}

TEST(UnicodeTest, FinalSigmaBesideAllCodePointsEqualsPython) {
  const auto sigma = [](char32_t c) {
    const std::u32string x(1, c);
    return x + U"\u03a3 a" + x + U"\u03a3 a\u03a3" + x + U"a ";
  };
  const std::u32string text = decode_utf8(each_code_point(sigma));
  EXPECT_EQ(crc(encode_utf8(lower_case(text))), golden_crc("final_sigma"));
}

TEST(UnicodeTest, NormalFormsAroundAllCodePointsEqualPython) {
  const auto around = [](char32_t c) {
    const std::u32string x(1, c);
    const std::u32string text = x + U" a" + x + U"\u0301 \uac00" + x + U"\u0323 ";
    return normalize_nfc(text);
  };
  EXPECT_EQ(crc(each_code_point(around)), golden_crc("nfc"));
}

TEST(UnicodeTest, MarksAreOrderedAndComposed) {
  const auto nfc = [](const char32_t* text) { return normalize_nfc(text); };
  EXPECT_EQ(nfc(U"a\u0302\u0323"), U"\u1ead");
  EXPECT_EQ(nfc(U"a\u0315\u0300\u05ae\u0300b"), U"\u00e0\u05ae\u0300\u0315b");
  EXPECT_EQ(nfc(U"\u1112\u1161\u11ab \ud55c"), U"\ud55c \ud55c");
  EXPECT_EQ(nfc(U"\u0301a"), U"\u0301a");
  EXPECT_EQ(nfc(U"\u0958"), U"\u0915\u093c");  // may not be composed again
  EXPECT_EQ(nfc(U""), U"");
}

TEST(UnicodeTest, Utf8RoundTripsAtEveryLength) {
  const std::u32string text = U"a\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff";
  EXPECT_EQ(decode_utf8(encode_utf8(text)), text);
}

// The table of the Unicode Standard, chapter 3, "U+FFFD substitution of maximal subparts".
TEST(UnicodeTest, EachMaximalInvalidPartBecomesOneReplacement) {
  const char32_t r = 0xFFFD;
  const auto check = [](std::string_view bytes, const std::u32string& expected) {
    EXPECT_EQ(decode_utf8(bytes), expected) << ::testing::PrintToString(bytes);
  };
  check("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", {r, r, r, r, r, r, r, r, U'A'});
  check("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", {r, r, r, r, r, r, r, r, U'A'});
  check("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", {r, r, r, r, r, U'A', r, r, U'B'});
  check("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", {r, r, r, r, U'A'});
  check("a\xE2\x82", {U'a', r});
  check("\xF0\x9F\x90", {r});
}

TEST(UnicodeTest, NulIsACharacter) {
  EXPECT_EQ(decode_utf8(std::string_view("a\0b", 3)), (std::u32string{U'a', 0, U'b'}));
}

}  // namespace
}  // namespace glint
