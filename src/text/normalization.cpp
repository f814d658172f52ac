// Unicode Standard Annex 15: take every character apart (canonical decompositions, applied until
// none is left), sort each run of combining marks by class, put pairs together again from the
// left. The tables are those of the Python that made the goldens (tables/make_tables.py); Hangul
// syllables follow chapter 3.12 of the Standard and need no table.
#include "text/normalization.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "text/ranges.h"

namespace glint {
namespace {

struct Decomposition {
  char32_t first;  // the code point that is made of ...
  char32_t left;
  char32_t right;  // 0: of the left one alone
};

struct Composition {
  char32_t left;
  char32_t right;
  char32_t composed;
};

struct CombiningRange {
  char32_t first;
  char32_t last;
  std::uint8_t combining_class;
};

#include "text/tables/normalization.inc"

// Hangul: a syllable is a leading consonant, a vowel, and perhaps a trailing consonant.
constexpr char32_t kSyllables = 0xAC00;
constexpr char32_t kLeading = 0x1100;
constexpr char32_t kVowels = 0x1161;
constexpr char32_t kBeforeTrailing = 0x11A7;
constexpr char32_t kLeadingCount = 19;
constexpr char32_t kVowelCount = 21;
constexpr char32_t kTrailingCount = 28;  // none included
constexpr char32_t kSyllableCount = kLeadingCount * kVowelCount * kTrailingCount;

// A character and its canonical combining class; 0: a starter.
struct Mark {
  char32_t character;
  std::uint8_t combining_class;
};

std::uint8_t combining_class(char32_t c) {
  const auto* range = find_range<CombiningRange>(kCombining, c);
  return range == nullptr ? std::uint8_t{0} : range->combining_class;
}

void decompose(char32_t c, std::u32string& out) {
  if (c - kSyllables < kSyllableCount) {  // below kSyllables wraps around
    const char32_t index = c - kSyllables;
    out += kLeading + index / (kVowelCount * kTrailingCount);
    out += kVowels + index / kTrailingCount % kVowelCount;
    if (index % kTrailingCount != 0) out += kBeforeTrailing + index % kTrailingCount;
    return;
  }
  const auto* row =
      std::lower_bound(std::begin(kDecompositions), std::end(kDecompositions), c,
                       [](const Decomposition& entry, char32_t key) { return entry.first < key; });
  if (c < 0xC0 || row == std::end(kDecompositions) || row->first != c) {
    out += c;
    return;
  }
  decompose(row->left, out);  // a few levels deep at most
  if (row->right != 0) decompose(row->right, out);
}

// What two characters compose to; 0: they do not.
char32_t compose(char32_t left, char32_t right) {
  if (left - kLeading < kLeadingCount && right - kVowels < kVowelCount) {
    return kSyllables + ((left - kLeading) * kVowelCount + (right - kVowels)) * kTrailingCount;
  }
  if (left - kSyllables < kSyllableCount && (left - kSyllables) % kTrailingCount == 0 &&
      right > kBeforeTrailing && right < kBeforeTrailing + kTrailingCount) {
    return left + (right - kBeforeTrailing);
  }
  const auto key = std::pair(left, right);
  const auto* row = std::lower_bound(std::begin(kCompositions), std::end(kCompositions), key,
                                     [](const Composition& entry, const auto& wanted) {
                                       return std::pair(entry.left, entry.right) < wanted;
                                     });
  if (row == std::end(kCompositions) || std::pair(row->left, row->right) != key) return 0;
  return row->composed;
}

using Marks = std::vector<Mark>;

Marks decompose_all(const std::u32string& text) {
  std::u32string apart;
  apart.reserve(text.size());
  for (const char32_t c : text) decompose(c, apart);
  Marks marks;
  marks.reserve(apart.size());
  for (const char32_t c : apart) marks.push_back({c, combining_class(c)});
  return marks;
}

// Sorts each run of characters that are no starters by their class.
void order(Marks& marks) {
  const auto is_starter = [](const Mark& mark) { return mark.combining_class == 0; };
  for (auto from = marks.begin(); from != marks.end();) {
    from = std::find_if_not(from, marks.end(), is_starter);
    const auto to = std::find_if(from, marks.end(), is_starter);
    std::stable_sort(from, to, [](const Mark& a, const Mark& b) {
      return a.combining_class < b.combining_class;
    });
    from = to;
  }
}

// A character composes with the last starter unless one that stayed between the two blocks it: a
// starter, or a mark of no lower class.
std::u32string compose_all(const Marks& marks) {
  std::u32string out;
  out.reserve(marks.size());
  std::optional<std::size_t> starter;
  std::uint8_t last_class = 0;  // of the last character of `out`
  for (const Mark& mark : marks) {
    if (starter) {
      const bool adjacent = *starter + 1 == out.size();
      const bool blocked = !adjacent && last_class >= mark.combining_class;
      const char32_t composed = blocked ? 0 : compose(out[*starter], mark.character);
      if (composed != 0) {
        out[*starter] = composed;
        continue;
      }
    }
    out += mark.character;
    last_class = mark.combining_class;
    if (last_class == 0) starter = out.size() - 1;
  }
  return out;
}

}  // namespace

std::u32string normalize_nfc(std::u32string text) {
  // Below the combining marks everything is composed.
  if (std::all_of(text.begin(), text.end(), [](char32_t c) { return c < 0x300; })) return text;
  Marks marks = decompose_all(text);
  order(marks);
  return compose_all(marks);
}

}  // namespace glint
