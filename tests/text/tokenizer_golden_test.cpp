#include <glint/tokenizer.h>
#include <gtest/gtest.h>

#include <map>

#include "text_support.h"

namespace glint {
namespace {

TEST(TokenizerGoldenTest, IdsEqualOpenClip) {
  std::map<std::int64_t, Tokenizer> tokenizers;
  const auto lines = test::golden_lines("texts.jsonl");
  EXPECT_GE(lines.size(), 1500u);
  for (const auto& line : lines) {
    const std::int64_t context = line.value("context", 77);
    if (!tokenizers.contains(context)) {
      tokenizers.emplace(context, test::clip_tokenizer(context));
    }
    const auto text = line.at("text").get<std::string>();
    EXPECT_EQ(tokenizers.at(context).encode(text), line.at("ids").get<std::vector<std::int64_t>>())
        << text;
  }
}

}  // namespace
}  // namespace glint
