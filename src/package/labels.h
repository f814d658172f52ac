// What labels and templates are, wherever they come from: a package, a file or a call.
#pragma once

#include <string_view>

namespace glint {

inline constexpr std::string_view kTemplateSlot = "{}";

// Whether nothing but white space is there.
inline bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// Whether there is exactly one slot.
inline bool is_template(std::string_view text) {
  const auto slot = text.find(kTemplateSlot);
  return slot != std::string_view::npos &&
         text.find(kTemplateSlot, slot + 1) == std::string_view::npos;
}

}  // namespace glint
