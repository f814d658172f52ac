// From text to the token ids a text encoder was trained on, equal to the reference.
#pragma once

#include <glint/export.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace glint {

// What happens to a text whose ids do not fit the context.
enum class Overflow {
  kTruncate,  // cut, and the last id becomes the end token (open_clip)
  kError,     // refuse (openai/CLIP)
};

// How a text spells the start and the end token; letter case does not count.
enum class SpecialSpelling {
  kOpenClip,  // <start_of_text> and <end_of_text>
  kOpenAi,    // <|startoftext|> and <|endoftext|>
};

// Everything but the vocabulary that decides the ids; it comes from a package's manifest.
struct TokenizerSpec {
  std::int64_t context_length = 0;  // ids a text may have, start and end included; at least 2
  Overflow overflow = Overflow::kTruncate;
  std::int64_t start_id = 0;  // 512 + the number of merges used: the vocabulary ends with ...
  std::int64_t end_id = 0;    // ... the start token and the end token
  std::int64_t pad_id = 0;    // what the reference pads with; never part of a result of encode()
  SpecialSpelling special_spelling = SpecialSpelling::kOpenClip;
};

// The byte-pair tokenizer of CLIP (openai/CLIP clip/simple_tokenizer.py, open_clip
// tokenizer.py). Immutable, cheap to copy, and all calls may run concurrently.
//
// Text is UTF-8; invalid bytes are read as U+FFFD. Cleaning is that of both references:
// ftfy 6.3.1's fix_text as it is by default (mojibake, references, ligatures, widths, quotes, line
// breaks, control characters, NFC of Unicode 14), HTML entities decoded twice, white space
// collapsed, lower case. A text that is made to need very many rounds of ftfy, "&amp;amp;amp;...",
// is repaired for at most max(16, 20,000,000 / n) of them, n being the characters of the line.
class GLINT_API Tokenizer {
 public:
  // `merges`: bytes of the published bpe_simple_vocab_16e6.txt, plain or gzip.
  // Throws Error: kCorruptPackage (not such a file), kInvalidArgument (a field of spec).
  static Tokenizer clip_bpe(const TokenizerSpec& spec, std::span<const std::byte> merges);

  // text -> ids, start and end token included, not padded: 2 to context_length of them. Time grows
  // linearly with the text: about 2 ns a byte of ASCII, five times that of other text.
  // Throws Error(kInvalidArgument) when the text overflows and the spec says kError, or has more
  // than 64 MiB.
  std::vector<std::int64_t> encode(std::string_view text) const;

  const TokenizerSpec& spec() const;
  std::int64_t vocab_size() const;

 private:
  struct Impl;
  explicit Tokenizer(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace glint
