#include "similarity/index_layout.h"

#include <zlib.h>

#include <bit>
#include <cstring>
#include <type_traits>

#include "core/check.h"

namespace glint {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is mapped as it is");

constexpr char kMagic[8] = {'\x89', 'G', 'I', 'D', 'X', '\r', '\n', '\x1a'};
constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kAlignment = 64;

// As it lies in the file, little-endian.
struct RawHeader {
  char magic[8];
  std::uint32_t version;
  std::uint32_t storage;
  std::uint64_t n;
  std::uint64_t d;
  std::uint64_t file_bytes;
  std::uint32_t checksums[IndexLayout::kSections];
  std::byte zeros[kIndexHeaderBytes - 64];
  std::uint32_t own_checksum;  // of all bytes before it
};
static_assert(sizeof(RawHeader) == kIndexHeaderBytes && std::is_trivially_copyable_v<RawHeader>);

std::uint32_t own_checksum(std::span<const std::byte> header) {
  return checksum(0, header.first(offsetof(RawHeader, own_checksum)));
}

template <typename... Args>
[[noreturn]] void refuse(const std::string& path, const Args&... args) {
  fail(ErrorCode::kCorruptPackage, args..., ", in the index ", quote(path));
}

}  // namespace

IndexLayout::IndexLayout(IndexStorage index_storage, std::int64_t rows, std::int64_t dim)
    : storage(index_storage), n(rows), d(dim) {
  if (n < 0 || n > kMaxIndexRows || d < 1 || d > kMaxIndexDim) {
    fail(ErrorCode::kInvalidArgument, "expected 0 to ", kMaxIndexRows, " rows of 1 to ",
         kMaxIndexDim, " numbers for an index, got ", n, " rows of ", d);
  }
  // At most 2^40 * 2^16 * 4 bytes a section: no overflow below.
  std::uint64_t end = kIndexHeaderBytes;
  for (std::size_t i = 0; i < kSections; ++i) {
    const std::uint64_t at = (end + kAlignment - 1) / kAlignment * kAlignment;
    sections[i] = {at, static_cast<std::uint64_t>(n) * row_bytes(static_cast<Section>(i))};
    if (sections[i].bytes > 0) end = at + sections[i].bytes;
  }
  file_bytes = end;
}

std::uint64_t IndexLayout::row_bytes(Section section) const {
  const auto width = static_cast<std::uint64_t>(d);
  if (section == kRows) return 4 * width;
  if (section != kCompact) return 4;
  switch (storage) {
    case IndexStorage::kF32:
      return 0;
    case IndexStorage::kBf16:
      return 2 * width;
    case IndexStorage::kInt8:
      return width;
  }
  fail(ErrorCode::kInvalidArgument, "expected f32, bf16 or int8 as an index's storage, got number ",
       static_cast<int>(storage));
}

std::array<std::byte, kIndexHeaderBytes> write_header(const IndexHeader& header) {
  RawHeader raw{};
  std::memcpy(raw.magic, kMagic, sizeof kMagic);
  raw.version = kVersion;
  raw.storage = static_cast<std::uint32_t>(header.layout.storage);
  raw.n = static_cast<std::uint64_t>(header.layout.n);
  raw.d = static_cast<std::uint64_t>(header.layout.d);
  raw.file_bytes = header.layout.file_bytes;
  std::memcpy(raw.checksums, header.checksums.data(), sizeof raw.checksums);
  raw.own_checksum = own_checksum(std::as_bytes(std::span(&raw, 1)));
  return std::bit_cast<std::array<std::byte, kIndexHeaderBytes>>(raw);
}

IndexHeader read_header(std::span<const std::byte> file, const std::string& path) {
  if (file.size() < kIndexHeaderBytes) {
    refuse(path, "expected a header of ", kIndexHeaderBytes, " bytes, got ", file.size(), " bytes");
  }
  RawHeader raw;
  std::memcpy(&raw, file.data(), sizeof raw);
  if (std::memcmp(raw.magic, kMagic, sizeof kMagic) != 0) {
    refuse(path, "expected a file made by glint index build, got other first bytes");
  }
  if (raw.own_checksum != own_checksum(file)) refuse(path, "the header's checksum does not match");
  if (raw.version != kVersion) {
    fail(ErrorCode::kUnsupported, "expected version ", kVersion, ", got ", raw.version,
         ", in the index ", quote(path));
  }
  if (raw.storage > static_cast<std::uint32_t>(IndexStorage::kInt8) ||
      raw.n > static_cast<std::uint64_t>(kMaxIndexRows) || raw.d < 1 ||
      raw.d > static_cast<std::uint64_t>(kMaxIndexDim)) {
    refuse(path, "expected storage 0 to 2, at most ", kMaxIndexRows, " rows of 1 to ", kMaxIndexDim,
           " numbers, got storage ", raw.storage, ", ", raw.n, " rows of ", raw.d);
  }
  IndexHeader header{IndexLayout(static_cast<IndexStorage>(raw.storage),
                                 static_cast<std::int64_t>(raw.n),
                                 static_cast<std::int64_t>(raw.d))};
  std::memcpy(header.checksums.data(), raw.checksums, sizeof raw.checksums);
  const std::uint64_t expected = header.layout.file_bytes;
  if (raw.file_bytes != expected || file.size() != expected) {
    refuse(path, "expected ", expected, " bytes for ", raw.n, " rows of ", raw.d, ", got ",
           file.size());
  }
  return header;
}

std::uint32_t checksum(std::uint32_t so_far, std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(so_far, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace glint
