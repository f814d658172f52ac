// Words that are one symbol of the vocabulary, as most words of a prompt are: a hash table from
// their bytes to the symbol.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace glint {

class WholeWords {
 public:
  static constexpr std::size_t kMaxBytes = 16;
  static constexpr std::int32_t kNone = -1;

  // Room for `count` words.
  explicit WholeWords(std::size_t count);

  // `word`: 1 to kMaxBytes bytes, not added before; symbol at least 0. Where many words have one
  // hash, some are left out.
  void add(std::string_view word, std::int32_t symbol);

  // The symbol of a word of any length, or kNone.
  std::int32_t find(std::string_view word) const {
    if (word.empty() || word.size() > kMaxBytes) return kNone;
    return find(key_of(word));
  }

 private:
  // The bytes of a word, some of them twice, which its length makes unique.
  struct Key {
    std::uint64_t first;
    std::uint64_t last;
    std::uint32_t size;
    bool operator==(const Key&) const = default;
  };
  struct Slot {
    Key key{0, 0, 0};  // of size 0: free
    std::int32_t symbol = kNone;
  };

  static Key key_of(std::string_view word);
  std::size_t place_of(const Key& key) const;
  std::int32_t find(const Key& key) const;

  int shift_;
  std::vector<Slot> slots_;
};

}  // namespace glint
