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
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"
#include "support/expect_error.h"
#include "text/gunzip.h"
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

// `name` in tests/golden/tokens: one JSON value a line, compressed where the name says so.
inline std::vector<nlohmann::json> golden_lines(const std::string& name) {
  const auto file = read_file(std::string(GLINT_TEST_DATA) + "/golden/tokens/" + name, 1 << 24);
  std::string content(reinterpret_cast<const char*>(file.data()), file.size());
  if (is_gzip(file)) content = gunzip(file, 1 << 24, name);
  std::istringstream stream(content);
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

inline std::uint32_t crc(std::string_view text) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

// A checksum over all code points, which the reference computed.
inline std::uint32_t golden_crc(const char* name) {
  std::ifstream file(std::string(GLINT_TEST_DATA) + "/golden/tokens/unicode.json");
  return nlohmann::json::parse(file).at(name).get<std::uint32_t>();
}

// The text of a golden line, which may be bytes that are no UTF-8.
inline std::string golden_text(const nlohmann::json& line) {
  if (line.contains("text")) return line.at("text").get<std::string>();
  const auto hex = line.at("bytes").get<std::string>();
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
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
