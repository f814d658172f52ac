#include "text/html.h"

#include <gtest/gtest.h>

#include "text/unicode.h"
#include "text_support.h"

namespace glint {
namespace {

std::string unescape(std::string_view text) {
  return encode_utf8(unescape_html(decode_utf8(text)));
}

TEST(HtmlTest, NamesAreDecoded) {
  EXPECT_EQ(unescape("&lt;b&gt; &amp; &eacute;&hearts;"), "<b> & \u00e9\u2665");
}

TEST(HtmlTest, NamesMayStandForTwoCharacters) {
  EXPECT_EQ(unescape("&NotEqualTilde;"), "\u2242\u0338");
}

TEST(HtmlTest, OnlySomeNamesMayLackTheirSemicolon) {
  EXPECT_EQ(unescape("&lt &copy &hearts"), "< \u00a9 &hearts");
}

TEST(HtmlTest, TheLongestBarePrefixOfALongerNameCounts) {
  EXPECT_EQ(unescape("&notit; &notin; &ampamp;"), "\u00acit; \u2209 &amp;");
}

TEST(HtmlTest, NamesAreCaseSensitive) { EXPECT_EQ(unescape("&LT; &Lt; &lT;"), "< \u226a &lT;"); }

TEST(HtmlTest, OnePassDecodesOnce) { EXPECT_EQ(unescape("&amp;amp;lt;"), "&amp;lt;"); }

TEST(HtmlTest, NumbersAreDecodedInBothBases) {
  EXPECT_EQ(unescape("&#65;&#x42;&#X43 &#68x"), "ABC Dx");
}

TEST(HtmlTest, NumbersThatAreNoCharactersAreReplaced) {
  EXPECT_EQ(unescape("&#0;|&#xD800;|&#x110000;|&#99999999999999999999999;"),
            "\uFFFD|\uFFFD|\uFFFD|\uFFFD");
}

TEST(HtmlTest, NumbersOfControlCharactersVanish) {
  EXPECT_EQ(unescape("a&#1;&#x7F;&#xFFFE;b"), "ab");
}

TEST(HtmlTest, NumbersOfC1ControlsAreReadAsWindows1252) {
  EXPECT_EQ(unescape("&#128;&#x99;&#x81;"), "\u20ac\u2122\u0081");
}

TEST(HtmlTest, WhatIsNoReferenceStays) {
  for (const char* text :
       {"&", "&&", "& lt;", "&#", "&#;", "&#x;", "&#xg;", "&;", "&\u00e9;", "a&"}) {
    EXPECT_EQ(unescape(text), text);
  }
}

TEST(HtmlTest, NamesOfMoreThan32CharactersAreCutThere) {
  const std::string name(32, 'a');
  EXPECT_EQ(unescape("&" + name + "a;"), "&" + name + "a;");
  EXPECT_EQ(unescape("&lt" + name + "&gt;"), "<" + name + ">");
}

TEST(HtmlTest, GoldenStepsEqualPython) {
  int checked = 0;
  for (const auto& line : test::golden_lines("steps.jsonl.gz")) {
    if (line.at("step") != "unescape") continue;
    EXPECT_EQ(unescape(line.at("in").get<std::string>()), line.at("out").get<std::string>());
    ++checked;
  }
  EXPECT_GT(checked, 100);
}

}  // namespace
}  // namespace glint
