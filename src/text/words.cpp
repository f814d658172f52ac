#include "text/words.h"

#include <algorithm>

#include "text/unicode.h"

namespace glint {
namespace {

constexpr std::u32string_view kContractions[] = {U"'s", U"'t",  U"'re", U"'ve",
                                                 U"'m", U"'ll", U"'d"};

// Simple case folding, as far as it can reach the letters of the literals above: the long s is
// the only character beyond ASCII that does.
char32_t fold(char32_t c) {
  constexpr char32_t kLongS = 0x17F;
  if (c == kLongS) return U's';
  return c >= U'A' && c <= U'Z' ? c + 32 : c;
}

bool starts_with(std::u32string_view text, std::u32string_view literal) {
  return text.size() >= literal.size() &&
         std::equal(literal.begin(), literal.end(), text.begin(),
                    [](char32_t expected, char32_t c) { return expected == fold(c); });
}

// Length of the literal alternative that matches here, 0 for none.
std::size_t literal_length(std::u32string_view text, const SpecialWords& special) {
  if (text[0] == U'<') {
    for (const auto spelling : {special.start, special.end}) {
      if (starts_with(text, spelling)) return spelling.size();
    }
  } else if (text[0] == U'\'') {
    for (const auto contraction : kContractions) {
      if (starts_with(text, contraction)) return contraction.size();
    }
  }
  return 0;
}

// Length of the run that the class alternatives match here; the text starts with a word.
std::size_t run_length(std::u32string_view text) {
  const CharClass kind = char_class(text[0]);
  if (kind == CharClass::kNumber) return 1;
  std::size_t length = 1;
  while (length < text.size() && char_class(text[length]) == kind) ++length;
  return length;
}

// A spelling with a long s matches the pattern but is not the special token.
WordKind kind_of(std::u32string_view word, const SpecialWords& special) {
  if (word == special.start) return WordKind::kStart;
  return word == special.end ? WordKind::kEnd : WordKind::kText;
}

}  // namespace

std::optional<Word> Words::next() {
  while (!rest_.empty() && char_class(rest_[0]) == CharClass::kNone) rest_.remove_prefix(1);
  if (rest_.empty()) return std::nullopt;
  const std::size_t literal = literal_length(rest_, special_);
  const std::u32string_view word = rest_.substr(0, literal > 0 ? literal : run_length(rest_));
  rest_.remove_prefix(word.size());
  return Word{kind_of(word, special_), word};
}

}  // namespace glint
