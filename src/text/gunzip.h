// gzip files, with a bound on what they may become.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace glint {

bool is_gzip(std::span<const std::byte> bytes);

// The content of a gzip file of one member, its checksum verified. `what` names it in messages.
// Throws Error(kCorruptPackage): damaged, truncated, something after its end, or content of more
// than max_bytes, which is noticed before more than that is written.
std::string gunzip(std::span<const std::byte> bytes, std::int64_t max_bytes, std::string_view what);

}  // namespace glint
