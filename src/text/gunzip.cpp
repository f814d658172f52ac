#include "text/gunzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "core/check.h"

namespace glint {
namespace {

// A z_stream that reads gzip headers only, and is always released.
class Inflater {
 public:
  Inflater() {
    constexpr int kGzipWindow = 15 + 16;
    if (inflateInit2(&stream_, kGzipWindow) != Z_OK) {
      fail(ErrorCode::kOutOfMemory, "no memory to start decompressing a gzip file");
    }
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
};

}  // namespace

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1F} && bytes[1] == std::byte{0x8B};
}

std::string gunzip(std::span<const std::byte> bytes, std::int64_t max_bytes,
                   std::string_view what) {
  constexpr std::size_t kChunk = 1 << 18;
  if (bytes.size() > std::numeric_limits<uInt>::max()) {
    fail(ErrorCode::kCorruptPackage, "expected less than 4 GiB of gzip in ", what, ", got ",
         bytes.size(), " bytes");
  }
  Inflater inflater;
  z_stream& stream = inflater.stream();
  // zlib does not write through next_in, it only lacks the const.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());

  const auto limit = static_cast<std::size_t>(max_bytes);
  std::string out;
  int status = Z_OK;
  while (status == Z_OK && out.size() <= limit) {
    const std::size_t done = out.size();
    out.resize(std::min(done + kChunk, limit + 1));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + done);
    stream.avail_out = static_cast<uInt>(out.size() - done);
    status = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
  }
  if (out.size() > limit) {
    fail(ErrorCode::kCorruptPackage, "expected at most ", max_bytes, " bytes in ", what,
         " once decompressed, got more");
  }
  if (status == Z_MEM_ERROR) {
    fail(ErrorCode::kOutOfMemory, "no memory to decompress ", what);
  }
  if (status != Z_STREAM_END || stream.avail_in != 0) {
    const char* reason = status == Z_STREAM_END  ? "something follows its end"
                         : status == Z_BUF_ERROR ? "it ends too early"
                                                 : "its data is damaged";
    fail(ErrorCode::kCorruptPackage, "expected a whole gzip file in ", what, ", but ", reason);
  }
  return out;
}

}  // namespace glint
