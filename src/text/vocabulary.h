// CLIP's vocabulary file, bpe_simple_vocab_16e6.txt: a header line, then a merge a line, two
// symbols with a space between them, the most frequent pair first.
//
// Ids follow from it (open_clip tokenizer.py, SimpleTokenizer.__init__): 256 symbols of one byte,
// the same 256 at the end of a word, one symbol a merge, then the start and the end token. Bytes
// are spelled as printable characters (bytes_to_unicode), the end of a word as "</w>".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace glint {

constexpr std::int32_t kByteSymbols = 256;
constexpr std::int32_t kFirstMerge = 2 * kByteSymbols;

// The ids of the two symbols that a merge joins; merge i makes symbol kFirstMerge + i.
struct Merge {
  std::int32_t left;
  std::int32_t right;
};

// The symbol of each byte inside a word; at a word's end it is that + kByteSymbols.
std::array<std::int32_t, kByteSymbols> byte_symbols();

// The first `count` merges of the file, plain or gzip. Both symbols of a merge are made by earlier
// lines and no symbol is made twice; the lines that follow (the published file has more than CLIP
// uses) are checked for their form. Throws Error(kCorruptPackage) naming the line.
std::vector<Merge> read_merges(std::span<const std::byte> file, std::int64_t count);

}  // namespace glint
