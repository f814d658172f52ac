#include <glint/tokenizer.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "text_support.h"

namespace glint {
namespace {

using test::clip_spec;
using test::clip_tokenizer;
using test::expect_error;
using test::kEndId;
using test::kStartId;
using test::published_vocabulary;

using Ids = std::vector<std::int64_t>;

TEST(TokenizerTest, APhotoOfACat) {
  EXPECT_EQ(clip_tokenizer(77).encode("a photo of a cat"),
            (Ids{kStartId, 320, 1125, 539, 320, 2368, kEndId}));
}

TEST(TokenizerTest, EmptyTextIsStartAndEnd) {
  EXPECT_EQ(clip_tokenizer(77).encode(""), (Ids{kStartId, kEndId}));
  EXPECT_EQ(clip_tokenizer(2).encode(" \n"), (Ids{kStartId, kEndId}));
}

TEST(TokenizerTest, CaseAndSpaceDoNotCount) {
  const auto tokenizer = clip_tokenizer(77);
  EXPECT_EQ(tokenizer.encode("  A\tPhoto \n OF a   cat "), tokenizer.encode("a photo of a cat"));
}

TEST(TokenizerTest, SpelledSpecialTokensBecomeThem) {
  EXPECT_EQ(clip_tokenizer(77).encode("cat <START_OF_TEXT>&lt;end_of_text&gt;"),
            (Ids{kStartId, 2368, kStartId, kEndId, kEndId}));
}

TEST(TokenizerTest, InvalidUtf8IsReadAsReplacementCharacters) {
  const auto tokenizer = clip_tokenizer(77);
  EXPECT_EQ(tokenizer.encode("a\xff\xe2\x82z"), tokenizer.encode("a\ufffd\ufffdz"));
}

TEST(TokenizerTest, NulNeitherEndsATextNorCounts) {
  const auto tokenizer = clip_tokenizer(77);
  EXPECT_EQ(tokenizer.encode(std::string_view("a\0b", 3)), tokenizer.encode("ab"));
}

TEST(TokenizerTest, MojibakeAndTypographyGiveTheIdsOfThePlainText) {
  const auto tokenizer = clip_tokenizer(77);
  EXPECT_EQ(tokenizer.encode("It\u2019s a sch\u00c3\u00b6n \uff23\uff21\uff34, \ufb01ne"),
            tokenizer.encode("it's a sch\u00f6n cat, fine"));
}

TEST(TokenizerTest, EachReferencesSpellingOfTheSpecialTokensIsTextToTheOther) {
  TokenizerSpec spec = clip_spec(77);
  spec.special_spelling = SpecialSpelling::kOpenAi;
  const auto openai = Tokenizer::clip_bpe(spec, published_vocabulary());
  const auto open_clip = clip_tokenizer(77);
  EXPECT_EQ(openai.encode("<|StartOfText|>"), (Ids{kStartId, kStartId, kEndId}));
  EXPECT_EQ(open_clip.encode("<Start_Of_Text>"), (Ids{kStartId, kStartId, kEndId}));
  EXPECT_GT(openai.encode("<start_of_text>").size(), 3u);
  EXPECT_GT(open_clip.encode("<|startoftext|>").size(), 3u);
}

TEST(TokenizerTest, ATextThatFillsTheContextIsWhole) {
  EXPECT_EQ(clip_tokenizer(5, Overflow::kError).encode("cat cat cat"),
            (Ids{kStartId, 2368, 2368, 2368, kEndId}));
}

TEST(TokenizerTest, OverflowCutsAndKeepsTheEndToken) {
  EXPECT_EQ(clip_tokenizer(4).encode("cat dog cat dog"), (Ids{kStartId, 2368, 1929, kEndId}));
  EXPECT_EQ(clip_tokenizer(2).encode("cat"), (Ids{kStartId, kEndId}));
}

TEST(TokenizerTest, OverflowIsAnErrorThatNamesTheNeedWhereTheSpecSaysSo) {
  const auto tokenizer = clip_tokenizer(4, Overflow::kError);
  expect_error(ErrorCode::kInvalidArgument, "at most 4 ids, start and end included, got 7 from",
               [&] { tokenizer.encode("cat dog cat dog cat"); });
  EXPECT_EQ(tokenizer.encode("cat dog").size(), 4u);
}

TEST(TokenizerTest, ATextOverTheBoundIsRefused) {
  const std::string text((64 << 20) + 1, ' ');
  expect_error(ErrorCode::kInvalidArgument, "at most 67108864 bytes",
               [&] { clip_tokenizer(77).encode(text); });
}

TEST(TokenizerTest, VocabularySizeAndSpecAreTheOnesGiven) {
  const auto tokenizer = clip_tokenizer(64);
  EXPECT_EQ(tokenizer.vocab_size(), 49408);
  EXPECT_EQ(tokenizer.spec().context_length, 64);
  EXPECT_EQ(tokenizer.spec().end_id, kEndId);
}

TEST(TokenizerTest, ASmallVocabularyWorks) {
  const TokenizerSpec spec{.context_length = 8, .start_id = 514, .end_id = 515, .pad_id = 0};
  const auto tokenizer =
      Tokenizer::clip_bpe(spec, test::as_bytes("#version: 0.2\nc a\nca t</w>\n"));
  EXPECT_EQ(tokenizer.encode("Cat ca"), (Ids{514, 513, 66, 64 + 256, 515}));
  EXPECT_EQ(tokenizer.vocab_size(), 516);
}

TEST(TokenizerTest, FieldsOfTheSpecAreChecked) {
  struct Case {
    TokenizerSpec spec;
    std::string_view part;
  };
  const Case cases[] = {
      {{.context_length = 1, .start_id = kStartId, .end_id = kEndId}, "context"},
      {{.context_length = -77, .start_id = kStartId, .end_id = kEndId}, "context"},
      {{.context_length = 77, .start_id = 511, .end_id = 512}, "start id"},
      {{.context_length = 77, .start_id = std::int64_t{1} << 62, .end_id = kEndId}, "start id"},
      {{.context_length = 77, .start_id = kStartId, .end_id = kStartId}, "end id"},
      {{.context_length = 77, .start_id = kStartId, .end_id = kEndId, .pad_id = -1}, "pad id"},
      {{.context_length = 77, .start_id = kStartId, .end_id = kEndId, .pad_id = 49408}, "pad id"},
  };
  for (const Case& item : cases) {
    expect_error(ErrorCode::kInvalidArgument, item.part,
                 [&] { Tokenizer::clip_bpe(item.spec, published_vocabulary()); });
  }
}

TEST(TokenizerTest, AVocabularyWithTooFewMergesIsCorrupt) {
  expect_error(ErrorCode::kCorruptPackage, "expected 48894 merges",
               [] { Tokenizer::clip_bpe(clip_spec(77), test::as_bytes("#version: 0.2\nl o\n")); });
}

TEST(TokenizerTest, ManyThreadsGiveTheSerialIds) {
  const auto tokenizer = clip_tokenizer(77);
  std::vector<std::string> texts;
  for (const auto& line : test::golden_lines("texts.jsonl.gz")) {
    texts.push_back(test::golden_text(line));
  }
  std::vector<Ids> serial;
  for (const auto& text : texts) serial.push_back(tokenizer.encode(text));

  std::vector<std::vector<Ids>> parallel(16);
  std::vector<std::thread> threads;
  for (auto& results : parallel) {
    threads.emplace_back([&] {
      for (const auto& text : texts) results.push_back(tokenizer.encode(text));
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& results : parallel) EXPECT_EQ(results, serial);
}

TEST(TokenizerTest, RandomBytesGiveIdsOfTheVocabulary) {
  const auto tokenizer = clip_tokenizer(77);
  const auto whole = clip_tokenizer(1 << 20);
  std::mt19937 random(4);
  const std::string_view likely = "&#xX;<>' aA0\xff\xce\xa3\xcd\x85";
  for (int i = 0; i < 20000; ++i) {
    std::string text(random() % 64, '\0');
    for (char& c : text) {
      c = random() % 2 != 0 ? likely[random() % likely.size()] : static_cast<char>(random());
    }
    const Ids ids = whole.encode(text);
    ASSERT_GE(ids.size(), 2u);
    ASSERT_EQ(ids.front(), kStartId);
    ASSERT_EQ(ids.back(), kEndId);
    for (const auto id : ids) ASSERT_TRUE(id >= 0 && id <= kEndId);
    Ids cut = ids;
    if (cut.size() > 77) {
      cut.resize(77);
      cut.back() = kEndId;
    }
    ASSERT_EQ(tokenizer.encode(text), cut);
  }
}

TEST(TokenizerTest, RandomChangesOfTheVocabularyFileAreReadOrRefused) {
  std::string plain = "#version: 0.2\n";
  for (const char* line : {"c a\n", "ca t</w>\n", "d o\n", "do g</w>\n"}) plain += line;
  const TokenizerSpec spec{.context_length = 8, .start_id = 515, .end_id = 516, .pad_id = 0};
  std::mt19937 random(5);
  for (const std::string& file : {plain, test::gzip(plain)}) {
    for (int i = 0; i < 5000; ++i) {
      std::string changed = file;
      for (unsigned k = 0; k <= random() % 3; ++k) {
        changed[random() % changed.size()] = static_cast<char>(random());
      }
      try {
        Tokenizer::clip_bpe(spec, test::as_bytes(changed)).encode("cat dog");
      } catch (const Error& error) {
        ASSERT_EQ(error.code(), ErrorCode::kCorruptPackage) << error.what();
      }
    }
  }
}

}  // namespace
}  // namespace glint
