// Any bytes -> clean_lower -> ids. Nothing may be thrown, what is cleaned is clean (no white space
// but single spaces), and all ids are ids of the vocabulary.
#include <glint/tokenizer.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "text/clean.h"
#include "text/unicode.h"

namespace {

constexpr std::int64_t kContext = 77;

glint::Tokenizer small_tokenizer() {
  constexpr std::string_view kMerges = "#version: 0.2\nc a\nca t</w>\nd o\ndo g</w>\n";
  const glint::TokenizerSpec spec{.context_length = kContext, .start_id = 516, .end_id = 517};
  return glint::Tokenizer::clip_bpe(spec, std::as_bytes(std::span(kMerges)));
}

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const glint::Tokenizer tokenizer = small_tokenizer();
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  const std::string clean = glint::clean_lower(text);
  require(clean.find("  ") == std::string::npos);
  require(clean.empty() || (clean.front() != ' ' && clean.back() != ' '));
  require(glint::encode_utf8(glint::decode_utf8(clean)) == clean);

  const auto ids = tokenizer.encode(text);
  require(ids.size() >= 2 && ids.size() <= kContext);
  for (const auto id : ids) require(id >= 0 && id < tokenizer.vocab_size());
  return 0;
}
