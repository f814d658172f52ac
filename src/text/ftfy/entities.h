// ftfy's own decoding of HTML references, which comes before html.unescape and is stricter.
#pragma once

#include <string>

namespace glint::ftfy {

// fixes.py, unescape_html: references that end in a semicolon, one pass; also names written all in
// capitals ("&EACUTE;"), where HTML itself makes nothing of them.
std::u32string unescape_entities(std::u32string text);

}  // namespace glint::ftfy
