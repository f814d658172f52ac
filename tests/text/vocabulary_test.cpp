#include "text/vocabulary.h"

#include <gtest/gtest.h>

#include "text_support.h"

namespace glint {
namespace {

using test::as_bytes;
using test::expect_error;
using test::gzip;

constexpr std::string_view kSmall = "#version: 0.2\nl o\nlo w</w>\ne r</w>\n";

std::vector<Merge> read(std::string_view file, std::int64_t count) {
  return read_merges(as_bytes(file), count);
}

TEST(VocabularyTest, BytesHaveTheIdsOfTheReference) {
  const auto ids = byte_symbols();
  EXPECT_EQ(ids['!'], 0);
  EXPECT_EQ(ids['a'], 64);
  EXPECT_EQ(ids['~'], 93);
  EXPECT_EQ(ids[0xA1], 94);
  EXPECT_EQ(ids[0xFF], 187);
  EXPECT_EQ(ids[0], 188);
  EXPECT_EQ(ids[' '], 220);
  EXPECT_EQ(ids[0xAD], 255);
}

TEST(VocabularyTest, MergesJoinSymbolsOfEarlierLines) {
  const auto merges = read(kSmall, 3);
  const auto ids = byte_symbols();
  ASSERT_EQ(merges.size(), 3u);
  EXPECT_EQ(merges[0].left, ids['l']);
  EXPECT_EQ(merges[0].right, ids['o']);
  EXPECT_EQ(merges[1].left, kFirstMerge);
  EXPECT_EQ(merges[1].right, ids['w'] + kByteSymbols);
}

TEST(VocabularyTest, PlainAndGzipFilesReadAlike) {
  EXPECT_EQ(read(gzip(kSmall), 3).size(), 3u);
  EXPECT_EQ(read(gzip(kSmall), 2).size(), 2u);
}

TEST(VocabularyTest, ThePublishedFileHasTheMergesOfClip) {
  EXPECT_EQ(read_merges(test::published_vocabulary(), 48894).size(), 48894u);
}

TEST(VocabularyTest, ATruncatedGzipFileIsRefused) {
  const auto& file = test::published_vocabulary();
  expect_error(ErrorCode::kCorruptPackage, "ends too early",
               [&] { read_merges(std::span(file).first(file.size() / 2), 48894); });
}

TEST(VocabularyTest, ABombIsRefused) {
  expect_error(ErrorCode::kCorruptPackage, "at most",
               [] { read(gzip(std::string(40 << 20, 'a')), 1); });
}

TEST(VocabularyTest, HostileFilesAreRefusedByLine) {
  struct Case {
    std::string_view file;
    std::string_view part;
  };
  const Case cases[] = {
      {"", "#version:"},
      {"l o\nlo w</w>\n", "#version:"},
      {"#version: 0.2\nl o\n", "expected 3 merges in the byte-pair vocabulary, got 1"},
      {"#version: 0.2\nl o\nl o\ne r\n", "line 3"},
      {"#version: 0.2\nl o\nlo w\nl ow\n", "earlier line in line 4"},
      {"#version: 0.2\na a\naa a\na aa\n", "\"aaa\" a second time"},
      {"#version: 0.2\nl o\n\ne r\n", "line 3"},
      {"#version: 0.2\nl o\nlo\ne r\n", "line 3"},
      {"#version: 0.2\nl o\nlo w x\ne r\n", "line 3"},
      {"#version: 0.2\nl o\nlo  w\ne r\n", "line 3"},
      {"#version: 0.2\nl o\n lo w\ne r\n", "line 3"},
      {"#version: 0.2\nl o\nlo w \ne r\n", "line 3"},
      {"#version: 0.2\r\nl o\r\nlo w\r\ne r\r\n", "line 2"},
      {"#version: 0.2\nl o\nlo \xff\ne r\n", "line 3"},
      {"#version: 0.2\nl o\nlo \xe6\x97\xa5\ne r\n", "line 3"},
      {"#version: 0.2\nl o\nlo w\ne r\nbad\n", "line 5"},
      {"#version: 0.2\nl </w>\nlo w\ne r\n", "line 2"},
  };
  for (const Case& item : cases) {
    SCOPED_TRACE(item.file);
    expect_error(ErrorCode::kCorruptPackage, item.part, [&] { read(item.file, 3); });
  }
}

TEST(VocabularyTest, AHugeLineDoesNotFloodTheMessage) {
  const std::string file = "#version: 0.2\n" + std::string(1 << 20, 'x');
  try {
    read(file, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_LT(std::string_view(error.what()).size(), 300u);
  }
}

}  // namespace
}  // namespace glint
