#include "cli/json.h"

#include <charconv>

namespace glint::cli {

std::string to_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

double shortest(float value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  double result = value;  // from_chars leaves it for inf and nan, whose spellings it may refuse
  std::from_chars(digits, end, result);
  return result;
}

}  // namespace glint::cli
