// CLIP's word pattern (open_clip tokenizer.py, SimpleTokenizer.pat):
//   START|END|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+
// START and END being the spellings of the special tokens, which openai/CLIP and open_clip chose
// differently. The first alternative that matches wins, letter case aside; what none matches, white
// space above all, belongs to no word.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace glint {

enum class WordKind {
  kText,
  kStart,  // the start token, spelled out
  kEnd,
};

struct Word {
  WordKind kind;
  std::string_view text;  // into the text given to Words
};

struct SpecialWords {
  std::string_view start;
  std::string_view end;
};
inline constexpr SpecialWords kOpenClipWords{"<start_of_text>", "<end_of_text>"};
inline constexpr SpecialWords kOpenAiWords{"<|startoftext|>", "<|endoftext|>"};

// The words of a UTF-8 text, which must outlive it, one after another.
class Words {
 public:
  explicit Words(std::string_view text, const SpecialWords& special = kOpenClipWords)
      : rest_(text), special_(special) {}

  std::optional<Word> next();

 private:
  std::string_view rest_;
  SpecialWords special_;
};

}  // namespace glint
