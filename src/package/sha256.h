// SHA-256 (FIPS 180-4).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace glint {

// The digest of `bytes`: 64 lower-case hex digits.
std::string sha256_hex(std::span<const std::byte> bytes);

// Whether `text` is 64 lower-case hex digits.
bool is_sha256_hex(std::string_view text);

}  // namespace glint
