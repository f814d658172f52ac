// SHA-256 (FIPS 180-4).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace glint {

// The digest of `bytes`: 64 lower-case hex digits.
std::string sha256_hex(std::span<const std::byte> bytes);

// The same, computed in one of the ways of sha256_blocks.h.
struct Sha256Blocks;
std::string sha256_hex(std::span<const std::byte> bytes, const Sha256Blocks& blocks);

// Whether `text` is 64 lower-case hex digits.
bool is_sha256_hex(std::string_view text);

}  // namespace glint
