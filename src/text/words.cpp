#include "text/words.h"

#include <array>

#include "text/unicode.h"

namespace glint {
namespace {

constexpr std::string_view kContractions[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
constexpr std::string_view kLongS = "\u017f";

constexpr auto kAsciiClasses = [] {
  std::array<CharClass, 128> classes{};
  for (char32_t c = 0; c < 128; ++c) classes[c] = ascii_class(c);
  return classes;
}();

// The class of the character at `at`, which moves behind it.
CharClass next_class(std::string_view text, std::size_t& at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte >= 0x80) {
    const auto c = next_code_point(text, at);
    return c ? char_class(*c) : CharClass::kOther;
  }
  ++at;
  return kAsciiClasses[byte];
}

char fold(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// How many bytes match the literal here, letter case aside; 0: it does not match. By simple case
// folding the long s is the only character beyond ASCII that is one of the letters above.
std::size_t matched(std::string_view text, std::string_view literal) {
  std::size_t at = 0;
  for (const char expected : literal) {
    if (expected == 's' && text.substr(at).starts_with(kLongS)) {
      at += kLongS.size();
    } else if (at < text.size() && fold(text[at]) == expected) {
      ++at;
    } else {
      return 0;
    }
  }
  return at;
}

// Length of the literal alternative that matches here, 0 for none.
std::size_t literal_length(std::string_view text, const SpecialWords& special) {
  if (text[0] == '<') {
    for (const auto spelling : {special.start, special.end}) {
      if (const std::size_t length = matched(text, spelling)) return length;
    }
  } else if (text[0] == '\'') {
    for (const auto contraction : kContractions) {
      if (const std::size_t length = matched(text, contraction)) return length;
    }
  }
  return 0;
}

// Length of the run that the class alternatives match here; the text starts with a word.
std::size_t run_length(std::string_view text) {
  std::size_t length = 0;
  const CharClass kind = next_class(text, length);
  if (kind == CharClass::kNumber) return length;
  for (std::size_t at = length; at < text.size(); length = at) {
    if (next_class(text, at) != kind) break;
  }
  return length;
}

// A spelling with a long s matches the pattern but is not the special token.
WordKind kind_of(std::string_view word, const SpecialWords& special) {
  if (word == special.start) return WordKind::kStart;
  return word == special.end ? WordKind::kEnd : WordKind::kText;
}

}  // namespace

std::optional<Word> Words::next() {
  std::size_t start = 0;
  for (std::size_t at = 0; at < rest_.size(); start = at) {
    if (next_class(rest_, at) != CharClass::kNone) break;
  }
  rest_.remove_prefix(start);
  if (rest_.empty()) return std::nullopt;
  const std::size_t literal = literal_length(rest_, special_);
  const std::string_view word = rest_.substr(0, literal > 0 ? literal : run_length(rest_));
  rest_.remove_prefix(word.size());
  return Word{kind_of(word, special_), word};
}

}  // namespace glint
