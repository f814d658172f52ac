// CLIP's word pattern (open_clip tokenizer.py, SimpleTokenizer.pat):
//   <start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+
// The first alternative that matches wins, letter case aside; what none matches, white space above
// all, belongs to no word.
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
  std::u32string_view text;  // into the text given to Words
};

// The words of a text, which must outlive it, one after another.
class Words {
 public:
  explicit Words(std::u32string_view text) : rest_(text) {}

  std::optional<Word> next();

 private:
  std::u32string_view rest_;
};

}  // namespace glint
