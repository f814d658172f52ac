// JSON from outside: a plain tree, built only within limits.
//
// The text is read event by event, without recursion, so that depth, size, duplicate keys and
// number range are checked while nothing but the accepted part is held in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace glint {

struct JsonNode {
  using Array = std::vector<JsonNode>;
  using Object = std::vector<std::pair<std::string, JsonNode>>;  // in the order of the text

  // A whole number that fits is int64, every other number double (finite).
  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> value;
};

struct JsonLimits {
  std::size_t bytes = 0;   // of the text
  std::size_t depth = 32;  // arrays and objects inside one another
  std::size_t values = 0;  // of every kind, together
};

// Of a list of strings in a file of its own: labels, templates.
inline constexpr JsonLimits kListLimits = {
    .bytes = std::size_t{16} << 20, .depth = 2, .values = 1'000'000};

// Throws Error(kCorruptPackage), its message beginning with `where`: text that is not JSON in
// UTF-8, beyond a limit, or with the same key twice in an object.
JsonNode parse_json(std::span<const std::byte> text, const JsonLimits& limits,
                    std::string_view where);

// A JSON array of strings, on one line. Throws Error(kInvalidArgument) for one that is not UTF-8.
std::string json_array(const std::vector<std::string>& strings);

}  // namespace glint
