#include "package/zip.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <zlib.h>

#include "core/check.h"
#include "package/bytes.h"

namespace glint {
namespace {

constexpr std::size_t kLocalBytes = 30;
constexpr std::size_t kCentralBytes = 46;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kEnd64Bytes = 56;
constexpr std::size_t kLocator64Bytes = 20;
constexpr std::uint32_t kLocalMagic = 0x04034b50;
constexpr std::uint32_t kCentralMagic = 0x02014b50;
constexpr std::uint32_t kDescriptorMagic = 0x08074b50;
constexpr std::uint32_t kEndMagic = 0x06054b50;
constexpr std::uint32_t kEnd64Magic = 0x06064b50;
constexpr std::uint32_t kLocator64Magic = 0x07064b50;
constexpr std::uint16_t kDescriptorFlag = 1 << 3;
constexpr std::uint16_t kUtf8Flag = 1 << 11;
constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;
constexpr std::uint32_t kIn64 = 0xffffffff;  // "look into the ZIP64 field"
constexpr std::uint16_t kIn64Short = 0xffff;
constexpr std::uint16_t kZip64Field = 1;
constexpr std::uint64_t kMaxEntries = 100'000;

// Where the central directory lies.
struct Directory {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
};

class ZipReader {
 public:
  ZipReader(std::span<const std::byte> archive, std::string_view where)
      : archive_(archive), where_(where) {}

  std::vector<ZipEntry> read() const {
    const Directory directory = find_directory();
    std::vector<ZipEntry> entries;
    std::vector<std::pair<std::uint64_t, std::size_t>> order;  // local offset, index
    std::uint64_t at = directory.offset;
    for (std::uint64_t i = 0; i < directory.entries; ++i) {
      entries.push_back(read_central(at, directory));
      order.emplace_back(entries.back().offset, entries.size() - 1);
    }
    check(at == directory.offset + directory.bytes, "a central directory of its stated size");
    std::sort(order.begin(), order.end());
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::uint64_t next = i + 1 < order.size() ? order[i + 1].first : directory.offset;
      read_local(entries[order[i].second], next);
    }
    check(!order.empty() && order.front().first == 0, "an entry at the first byte");
    return entries;
  }

 private:
  template <typename T>
  T number(std::uint64_t at) const {
    return read_le<T>(archive_, static_cast<std::size_t>(at));
  }

  void check(bool condition, std::string_view expected) const {
    if (!condition) {
      fail(ErrorCode::kCorruptPackage, where_, ": expected ", expected,
           ", got a damaged zip archive");
    }
  }

  Directory find_directory() const {
    const std::uint64_t size = archive_.size();
    if (size < kEndBytes || number<std::uint32_t>(size - kEndBytes) != kEndMagic) {
      fail(ErrorCode::kCorruptPackage, where_,
           ": expected a zip archive, got one without its end record (truncated, or no archive)");
    }
    const std::uint64_t end = size - kEndBytes;
    check(number<std::uint32_t>(end + 4) == 0, "a single disk");
    check(number<std::uint16_t>(end + 20) == 0, "no comment");
    const auto entries = number<std::uint16_t>(end + 10);
    const auto bytes = number<std::uint32_t>(end + 12);
    const auto offset = number<std::uint32_t>(end + 16);
    check(number<std::uint16_t>(end + 8) == entries, "all entries on one disk");
    Directory directory{offset, bytes, entries};
    std::uint64_t directory_end = end;
    if (end >= kLocator64Bytes + kEnd64Bytes &&
        number<std::uint32_t>(end - kLocator64Bytes) == kLocator64Magic) {
      directory_end = end - kLocator64Bytes - kEnd64Bytes;
      directory = read_end64(directory_end);
      check(entries == directory.entries || entries == kIn64Short, "equal entry counts");
      check(bytes == directory.bytes || bytes == kIn64, "equal directory sizes");
      check(offset == directory.offset || offset == kIn64, "equal directory offsets");
    }
    check(directory.offset <= directory_end && directory.bytes == directory_end - directory.offset,
          "a central directory right before the end record");
    check(directory.entries <= kMaxEntries && directory.entries <= directory.bytes / kCentralBytes,
          "as many entries as the central directory holds");
    return directory;
  }

  Directory read_end64(std::uint64_t at) const {
    const std::uint64_t locator = at + kEnd64Bytes;
    check(number<std::uint32_t>(at) == kEnd64Magic &&
              number<std::uint64_t>(at + 4) == kEnd64Bytes - 12 &&
              number<std::uint64_t>(locator + 8) == at,
          "a ZIP64 end record where its locator says");
    check(number<std::uint64_t>(at + 16) == 0 && number<std::uint32_t>(locator + 4) == 0 &&
              number<std::uint32_t>(locator + 16) == 1,
          "a single disk");
    Directory directory;
    directory.entries = number<std::uint64_t>(at + 32);
    directory.bytes = number<std::uint64_t>(at + 40);
    directory.offset = number<std::uint64_t>(at + 48);
    check(number<std::uint64_t>(at + 24) == directory.entries, "all entries on one disk");
    return directory;
  }

  // Reads the record at `at` and moves `at` behind it.
  ZipEntry read_central(std::uint64_t& at, const Directory& directory) const {
    const std::uint64_t end = directory.offset + directory.bytes;
    check(end - at >= kCentralBytes && number<std::uint32_t>(at) == kCentralMagic,
          "a central directory record");
    const auto flags = number<std::uint16_t>(at + 8);
    check((flags & ~(kDescriptorFlag | kUtf8Flag)) == 0, "entries without encryption");
    const auto method = number<std::uint16_t>(at + 10);
    check(method == kStored || method == kDeflated, "stored or deflated entries");
    const std::uint64_t name_bytes = number<std::uint16_t>(at + 28);
    const std::uint64_t extra_bytes = number<std::uint16_t>(at + 30);
    check(number<std::uint32_t>(at + 32) == 0, "entries without comment on a single disk");
    check(end - at - kCentralBytes >= name_bytes + extra_bytes, "a whole central directory record");

    ZipEntry entry;
    entry.deflated = method == kDeflated;
    entry.crc = number<std::uint32_t>(at + 16);
    std::uint64_t packed_bytes = number<std::uint32_t>(at + 20);
    entry.size = number<std::uint32_t>(at + 24);
    entry.offset = number<std::uint32_t>(at + 42);
    entry.name = text(at + kCentralBytes, name_bytes);
    const std::uint64_t extra = at + kCentralBytes + name_bytes;
    widen(extra, extra + extra_bytes, {&entry.size, &packed_bytes, &entry.offset});
    check(entry.offset < directory.offset && packed_bytes <= directory.offset,
          "entries before the central directory");
    check(entry.deflated || packed_bytes == entry.size, "a stored entry of its own size");
    // The place is known once the local header is read.
    entry.packed = archive_.first(static_cast<std::size_t>(packed_bytes));
    at = extra + extra_bytes;
    return entry;
  }

  // Replaces the numbers that are all ones by those of the ZIP64 field (APPNOTE 4.5.3).
  void widen(std::uint64_t at, std::uint64_t end,
             std::initializer_list<std::uint64_t*> numbers) const {
    bool seen = false;
    while (at < end) {
      check(end - at >= 4, "whole extra fields");
      const auto id = number<std::uint16_t>(at);
      const std::uint64_t stop = at + 4 + number<std::uint16_t>(at + 2);
      check(stop <= end, "whole extra fields");
      at += 4;
      if (id == kZip64Field) {
        check(!std::exchange(seen, true), "one ZIP64 field");
        for (std::uint64_t* value : numbers) {
          if (*value != kIn64) continue;
          check(stop - at >= 8, "a whole ZIP64 field");
          *value = number<std::uint64_t>(at);
          at += 8;
        }
        check(at == stop, "no other number in a ZIP64 field");
      }
      at = stop;
    }
  }

  // Checks an entry's local header, and that its content ends where the next entry begins.
  void read_local(ZipEntry& entry, std::uint64_t next) const {
    const std::uint64_t at = entry.offset;
    check(next > at && next - at >= kLocalBytes && number<std::uint32_t>(at) == kLocalMagic,
          "a local header at every entry");
    const auto flags = number<std::uint16_t>(at + 6);
    check((flags & ~(kDescriptorFlag | kUtf8Flag)) == 0, "entries without encryption");
    check(number<std::uint16_t>(at + 8) == (entry.deflated ? kDeflated : kStored),
          "one compression method for an entry");
    const std::uint64_t name_bytes = number<std::uint16_t>(at + 26);
    const std::uint64_t extra_bytes = number<std::uint16_t>(at + 28);
    const std::uint64_t head_bytes = kLocalBytes + name_bytes + extra_bytes;
    check(next - at >= head_bytes && next - at - head_bytes >= entry.packed.size(),
          "entries that do not overlap");
    check(text(at + kLocalBytes, name_bytes) == entry.name, "one name for an entry");
    const std::uint64_t begin = at + head_bytes;
    const std::uint64_t end = begin + entry.packed.size();
    if ((flags & kDescriptorFlag) != 0) {
      check_descriptor(entry, end, next);
    } else {
      check(number<std::uint32_t>(at + 14) == entry.crc, "one checksum for an entry");
      check(same(number<std::uint32_t>(at + 18), entry.packed.size()) &&
                same(number<std::uint32_t>(at + 22), entry.size),
            "one size for an entry");
      check(end == next, "entries that lie end to end");
    }
    entry.packed = archive_.subspan(static_cast<std::size_t>(begin), entry.packed.size());
  }

  static bool same(std::uint32_t local, std::uint64_t central) {
    return local == kIn64 ? central >= kIn64 : local == central;
  }

  // The checksum and sizes behind the content, with 32-bit or 64-bit sizes (APPNOTE 4.3.9).
  void check_descriptor(const ZipEntry& entry, std::uint64_t at, std::uint64_t next) const {
    const std::uint64_t bytes = next - at;
    check(bytes == 16 || bytes == 24, "entries that lie end to end");
    check(
        number<std::uint32_t>(at) == kDescriptorMagic && number<std::uint32_t>(at + 4) == entry.crc,
        "one checksum for an entry");
    const bool wide = bytes == 24;
    const auto packed_bytes = wide ? number<std::uint64_t>(at + 8) : number<std::uint32_t>(at + 8);
    const auto size = wide ? number<std::uint64_t>(at + 16) : number<std::uint32_t>(at + 12);
    check(packed_bytes == entry.packed.size() && size == entry.size, "one size for an entry");
  }

  std::string text(std::uint64_t at, std::uint64_t bytes) const {
    const auto part =
        archive_.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(bytes));
    return std::string(reinterpret_cast<const char*>(part.data()), part.size());
  }

  std::span<const std::byte> archive_;
  std::string_view where_;
};

// Raw deflate of `packed` into exactly out.size() bytes. False when it is not that.
bool inflate_into(std::span<const std::byte> packed, std::span<std::byte> out) {
  if (packed.size() > std::numeric_limits<uInt>::max()) return false;
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  std::byte nothing{};  // zlib refuses a null output even of no bytes
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.empty() ? &nothing : out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = inflate(&stream, Z_FINISH);
  const bool whole = status == Z_STREAM_END && stream.avail_in == 0 && stream.avail_out == 0;
  inflateEnd(&stream);
  if (status == Z_MEM_ERROR) throw std::bad_alloc();
  return whole;
}

}  // namespace

std::vector<ZipEntry> read_zip(std::span<const std::byte> archive, std::string_view where) {
  return ZipReader(archive, where).read();
}

std::vector<std::byte> extract(const ZipEntry& entry, std::size_t max_bytes,
                               std::string_view where) {
  const std::size_t limit = std::min<std::size_t>(max_bytes, std::numeric_limits<uInt>::max());
  if (entry.size > limit) {
    fail(ErrorCode::kCorruptPackage, where, ": expected at most ", limit, " bytes in ",
         quote(entry.name), ", got ", entry.size);
  }
  std::vector<std::byte> content;
  if (entry.deflated) {
    content.resize(static_cast<std::size_t>(entry.size));
    if (!inflate_into(entry.packed, content)) {
      fail(ErrorCode::kCorruptPackage, where, ": expected ", entry.size, " deflated bytes in ",
           quote(entry.name), ", got a damaged stream");
    }
  } else {
    content.assign(entry.packed.begin(), entry.packed.end());
  }
  const auto crc =
      crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size()));
  if (crc != entry.crc) {
    fail(ErrorCode::kCorruptPackage, where, ": expected ", quote(entry.name),
         " to have the checksum it states, got another");
  }
  return content;
}

}  // namespace glint
