// ftfy's repairs of single characters (fixes.py, the functions of the same names).
#pragma once

#include <string>

namespace glint::ftfy {

std::u32string fix_c1_controls(std::u32string text);      // as Windows-1252, or left
std::u32string fix_latin_ligatures(std::u32string text);  // and digraphs, taken apart
std::u32string fix_character_width(std::u32string text);  // full and half width to the usual one
std::u32string uncurl_quotes(std::u32string text);
std::u32string fix_line_breaks(std::u32string text);          // all to U+000A
std::u32string remove_terminal_escapes(std::u32string text);  // ESC [ digits and ; letter
std::u32string remove_control_chars(std::u32string text);

// str.upper() of a character that an HTML name in lower case stands for.
void append_upper(char32_t c, std::u32string& out);

}  // namespace glint::ftfy
