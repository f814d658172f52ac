#include <glint/precision.h>

#include "core/check.h"

namespace glint {

std::string_view to_string(Precision precision) {
  if (precision == Precision::kCompact) return "compact";
  return precision == Precision::kFast ? "fast" : "exact";
}

Precision parse_precision(std::string_view name) {
  for (const Precision precision : {Precision::kExact, Precision::kFast, Precision::kCompact}) {
    if (name == to_string(precision)) return precision;
  }
  fail(ErrorCode::kInvalidArgument, "expected exact, fast or compact as the precision, got ",
       quote(name));
}

}  // namespace glint
