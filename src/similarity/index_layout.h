// Where things are in an index file (models/index.md). The file stores N, D and the storage, and
// all places follow from them: there is no offset in it that could point elsewhere.
#pragma once

#include <glint/index.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace glint {

struct IndexLayout {
  // In the file's order.
  enum Section : std::size_t {
    kRows,       // [N, D] f32, as they were given
    kCompact,    // [N, D] bf16 or int8; empty for f32 storage
    kScales,     // [N] f32: a compact number times this is the row's number, nearly
    kResiduals,  // [N] f32: at least the length of (row - scale * compact row)
    kNorms,      // [N] f32: at least the length of (scale * compact row)
    kSections,
  };
  struct Range {
    std::uint64_t at = 0;  // a multiple of 64
    std::uint64_t bytes = 0;
  };

  // Throws Error(kInvalidArgument): n or d out of range.
  IndexLayout(IndexStorage index_storage, std::int64_t rows, std::int64_t dim);

  std::uint64_t row_bytes(Section section) const;

  IndexStorage storage;
  std::int64_t n;
  std::int64_t d;
  std::array<Range, kSections> sections{};
  std::uint64_t file_bytes = 0;
};

// The file's first bytes.
struct IndexHeader {
  IndexLayout layout;
  std::array<std::uint32_t, IndexLayout::kSections> checksums{};  // CRC-32, as in zlib
};

inline constexpr std::size_t kIndexHeaderBytes = 128;

std::array<std::byte, kIndexHeaderBytes> write_header(const IndexHeader& header);

// `file` is the whole file; only its header is read. `path` is for messages.
// Throws Error: kCorruptPackage, kUnsupported (a newer version).
IndexHeader read_header(std::span<const std::byte> file, const std::string& path);

// Starting with 0, over the pieces of a section one after another.
std::uint32_t checksum(std::uint32_t so_far, std::span<const std::byte> bytes);

}  // namespace glint
