#include "package/paths.h"

#include <algorithm>
#include <cstddef>

namespace glint {
namespace {

constexpr std::size_t kMaxParts = 4;
constexpr std::size_t kMaxNameBytes = 64;

bool is_lower_or_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); }

bool is_part_character(char c) {
  return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
}

}  // namespace

bool is_package_path(std::string_view path) {
  for (std::size_t parts = 1; parts <= kMaxParts; ++parts) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part.front() == '.') return false;
    if (!std::all_of(part.begin(), part.end(), is_part_character)) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
  return false;
}

bool is_package_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && is_lower_or_digit(name.front()) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return is_lower_or_digit(c) || c == '.' || c == '_' || c == '-';
         });
}

}  // namespace glint
