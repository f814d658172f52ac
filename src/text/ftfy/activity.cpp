#include "text/ftfy/activity.h"

namespace glint::ftfy {
namespace {

#include "text/tables/activity.inc"

}  // namespace

unsigned activity(std::u32string_view text) {
  unsigned all = 0;
  unsigned before = 0;
  for (const char32_t c : text) {
    const unsigned bits = kPages[kPageOf[c >> 8]][c & 0xFF];
    all |= bits;
    if ((bits & before & kMark) != 0) all |= kChangeable;
    before = bits;
  }
  return all;
}

}  // namespace glint::ftfy
