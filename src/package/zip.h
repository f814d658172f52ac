// The zip archives that torch::jit writes, and no other kind.
//
// A reader of zip files has many freedoms, and two readers that use them differently see different
// files. So only one form is taken: the entries lie end to end from the first byte, each local
// header says what the central directory says, the central directory follows, then the end
// records; no comment, no encryption, no second disk, no hole and no overlap. ZIP64 records are
// taken where their numbers agree with the plain ones (PKWARE APPNOTE 4.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace glint {

struct ZipEntry {
  std::string name;
  bool deflated = false;
  std::uint32_t crc = 0;                // of the content
  std::uint64_t size = 0;               // of the content, bytes
  std::uint64_t offset = 0;             // of the local header
  std::span<const std::byte> packed{};  // the content as it lies in the archive
};

// In the order of the central directory. Views into `archive`.
// Throws Error(kCorruptPackage), the message beginning with `where`.
std::vector<ZipEntry> read_zip(std::span<const std::byte> archive, std::string_view where);

// The content of an entry of at most `max_bytes`, its CRC checked.
// Throws Error(kCorruptPackage), the message beginning with `where`.
std::vector<std::byte> extract(const ZipEntry& entry, std::size_t max_bytes,
                               std::string_view where);

}  // namespace glint
