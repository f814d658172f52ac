#include <glint/tokenizer.h>
#include <gtest/gtest.h>

#include <map>

#include "text_support.h"

namespace glint {
namespace {

using Ids = std::vector<std::int64_t>;

TEST(TokenizerGoldenTest, IdsEqualOpenClip) {
  std::map<std::int64_t, Tokenizer> tokenizers;
  const auto lines = test::golden_lines("texts.jsonl.gz");
  EXPECT_GE(lines.size(), 5000u);
  for (const auto& line : lines) {
    const std::int64_t context = line.value("context", 77);
    if (!tokenizers.contains(context)) {
      tokenizers.emplace(context, test::clip_tokenizer(context));
    }
    const std::string text = test::golden_text(line);
    EXPECT_EQ(tokenizers.at(context).encode(text), line.at("ids").get<Ids>()) << line;
  }
}

TEST(TokenizerGoldenTest, IdsOfOpenAisSpellingsEqualOpenAi) {
  TokenizerSpec spec = test::clip_spec(77, Overflow::kError);
  spec.special_spelling = SpecialSpelling::kOpenAi;
  const auto tokenizer = Tokenizer::clip_bpe(spec, test::published_vocabulary());
  const auto lines = test::golden_lines("openai.jsonl");
  EXPECT_GT(lines.size(), 20u);
  for (const auto& line : lines) {
    EXPECT_EQ(tokenizer.encode(test::golden_text(line)), line.at("ids").get<Ids>()) << line;
  }
}

TEST(TokenizerGoldenTest, AMillionCharactersEqualOpenClip) {
  const auto tokenizer = test::clip_tokenizer(1 << 24);
  const auto lines = test::golden_lines("long.jsonl");
  EXPECT_EQ(lines.size(), 6u);
  for (const auto& line : lines) {
    const auto piece = line.at("piece").get<std::string>();
    std::string text;
    for (int i = 0; i < line.at("times").get<int>(); ++i) text += piece;
    const Ids ids = tokenizer.encode(text);
    const std::vector<std::int32_t> words(ids.begin() + 1, ids.end() - 1);
    EXPECT_EQ(words.size(), line.at("count").get<std::size_t>()) << piece;
    const std::string_view bytes(reinterpret_cast<const char*>(words.data()), words.size() * 4);
    EXPECT_EQ(test::crc(bytes), line.at("crc").get<std::uint32_t>()) << piece;
  }
}

}  // namespace
}  // namespace glint
