// ftfy's badness is one regular expression, an alternation of short sequences of character classes.
// Laid end to end the sequences have about a hundred places, and the table says for each code point
// which places it fits. A set of places, as bits, is then enough to run all sequences at once:
// place k + 1 is reached from place k by a character that fits it (the shift-and algorithm;
// Baeza-Yates and Gonnet 1992).
#include "text/ftfy/mojibake.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

namespace glint::ftfy {
namespace {

struct Places {
  std::uint64_t low;
  std::uint64_t high;
};

struct MojibakeClass {
  Places fits;
  std::uint8_t clues;
};

struct ClassSpan {
  char32_t first;
  std::uint8_t index;  // into kClasses
};

#include "text/tables/mojibake.inc"

// Which bytes of UTF-8 a character stands for in the encodings of charmaps.h.
constexpr unsigned kFirstOf2 = 1;
constexpr unsigned kFirstOf3 = 2;
constexpr unsigned kFirstOf4 = 4;
constexpr unsigned kContinuation = 8;  // spaces, dashes and quotes among them
constexpr unsigned kContinuationStrict = 16;

Places operator&(Places a, Places b) { return {a.low & b.low, a.high & b.high}; }
Places operator|(Places a, Places b) { return {a.low | b.low, a.high | b.high}; }
bool any(Places places) { return (places.low | places.high) != 0; }

// Every place one up. A sequence's last place never runs into the next one's first: the search is
// over when it is reached.
Places next(Places places) { return {places.low << 1, (places.high << 1) | (places.low >> 63)}; }

constexpr std::uint8_t search_class(char32_t c) {
  const auto* above =
      std::upper_bound(std::begin(kSpans), std::end(kSpans), c,
                       [](char32_t value, const ClassSpan& span) { return value < span.first; });
  return std::prev(above)->index;
}

// The scripts that mojibake is made of, and most texts, looked up once for all.
constexpr char32_t kDirect = 0x600;

constexpr auto kDirectClasses = [] {
  std::array<std::uint8_t, kDirect> table{};
  for (char32_t c = 0; c < kDirect; ++c) table[c] = search_class(c);
  return table;
}();

const MojibakeClass& class_of(char32_t c) {
  return kClasses[c < kDirect ? kDirectClasses[c] : search_class(c)];
}

bool has_clue(char32_t c, unsigned clue) { return (class_of(c).clues & clue) != 0; }

// Length of the sequence that could start here; 0: none could.
std::size_t sequence_length(std::u32string_view text) {
  const unsigned clues = class_of(text[0]).clues;
  for (const std::size_t length : {2, 3, 4}) {
    if ((clues & (kFirstOf2 << (length - 2))) == 0 || text.size() < length) continue;
    const auto rest = text.substr(1, length - 1);
    if (std::all_of(rest.begin(), rest.end(),
                    [](char32_t c) { return has_clue(c, kContinuation); }))
      return length;
  }
  return 0;
}

}  // namespace

bool is_bad(std::u32string_view text) {
  Places starts = kStartsOfText;
  Places reached = {0, 0};
  for (const char32_t c : text) {
    reached = (next(reached) | starts) & class_of(c).fits;
    if (any(reached & kEnds)) return true;
    starts = kStarts;
  }
  return false;
}

Stretch find_utf8_like(std::u32string_view text, std::size_t from) {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    std::size_t end = begin;
    if (begin > 0 && has_clue(text[begin - 1], kContinuationStrict)) continue;
    while (end < text.size()) {
      const std::size_t length = sequence_length(text.substr(end));
      if (length == 0) break;
      end += length;
    }
    if (end > begin) return {begin, end - begin};
  }
  return {text.size(), 0};
}

}  // namespace glint::ftfy
