// What the text tests share: the published vocabulary, golden lines, gzip files made on the spot.
#pragma once

#include <glint/error.h>
#include <glint/tokenizer.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstddef>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"
#include "support/expect_error.h"
#include "text/unicode.h"

namespace glint::test {

inline constexpr std::int64_t kStartId = 49406;
inline constexpr std::int64_t kEndId = 49407;

inline const std::vector<std::byte>& published_vocabulary() {
  static const auto bytes = read_file(
      std::string(GLINT_TEST_DATA) + "/../models/tiny-clip.glint/tokenizer/bpe.txt.gz", 1 << 24);
  return bytes;
}

inline TokenizerSpec clip_spec(std::int64_t context_length,
                               Overflow overflow = Overflow::kTruncate) {
  return {.context_length = context_length,
          .overflow = overflow,
          .start_id = kStartId,
          .end_id = kEndId,
          .pad_id = 0};
}

inline Tokenizer clip_tokenizer(std::int64_t context_length,
                                Overflow overflow = Overflow::kTruncate) {
  return Tokenizer::clip_bpe(clip_spec(context_length, overflow), published_vocabulary());
}

inline std::vector<nlohmann::json> golden_lines(const std::string& name) {
  std::ifstream file(std::string(GLINT_TEST_DATA) + "/golden/tokens/" + name);
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

inline std::string gzip(std::string_view content) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, content.size()), '\0');
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace glint::test
