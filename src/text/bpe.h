// Byte-pair encoding of one word (open_clip tokenizer.py, SimpleTokenizer.bpe): as long as two
// neighbours can be merged, merge every occurrence, left to right, of the pair that comes first in
// the vocabulary.
//
// The reference looks through the whole word for every merge, n^2 in the length n of a word. Here
// the mergeable pairs wait in a heap, ordered by the merge and then by the place, n log n. The two
// give the same symbols because a merge's symbols come from earlier lines (read_merges checks it):
// a merge only ever creates pairs of later lines, so all occurrences of one pair leave the heap
// before any pair that they create.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"
#include "text/whole_words.h"

namespace glint {

// Immutable; all calls may run concurrently.
class BytePairs {
 public:
  // What a call works in; keep one for many words of one thread.
  struct Workspace {
    struct Symbol {
      std::int32_t id;
      std::int32_t merged;  // what it and its right neighbour become, kNone when nothing
      std::uint32_t previous;
      std::uint32_t next;
    };
    std::vector<Symbol> symbols;
    std::vector<std::uint64_t> heap;
  };

  explicit BytePairs(std::span<const Merge> merges);

  // Appends the ids of a word of at least one and fewer than 2^32 bytes.
  void append(std::string_view word, Workspace& work, std::vector<std::int64_t>& ids) const;

 private:
  // The same by merges alone.
  void append_merged(std::string_view word, Workspace& work, std::vector<std::int64_t>& ids) const;
  WholeWords find_whole_words(std::span<const Merge> merges) const;
  std::int32_t find(std::int32_t left, std::int32_t right) const;
  void load(std::string_view word, Workspace& work) const;
  void update(Workspace& work, std::uint32_t at) const;
  void merge(Workspace& work, std::uint32_t at) const;

  struct Rule {
    std::int32_t right;
    std::int32_t merged;
  };
  std::array<std::int32_t, kByteSymbols> bytes_;
  std::vector<std::uint32_t> first_;  // rules_[first_[l]] to rules_[first_[l + 1]]: left symbol l
  std::vector<Rule> rules_;           // by left, then by right symbol
  WholeWords whole_{0};               // what merges make one symbol of
};

}  // namespace glint
