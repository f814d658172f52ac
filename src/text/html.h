// HTML character references, decoded as Python's html.unescape decodes them.
#pragma once

#include <string>
#include <string_view>

namespace glint {

// One pass over the text: "&amp;lt;" becomes "&lt;". Numeric references ("&#65;", "&#x41"), the
// HTML 5 names, and the names that HTML allows without a semicolon even inside a longer word
// ("&notit;" is "¬it;"). A number of any length is read; Python refuses one of over 4,300 digits.
std::u32string unescape_html(std::u32string_view text);

// What "&NAME;" stands for, one or two characters; empty: there is no such name.
std::u32string named_reference(std::string_view name);

}  // namespace glint
