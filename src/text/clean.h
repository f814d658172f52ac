// What CLIP does to a text before it looks for words: open_clip's clean="lower" (tokenizer.py,
// _clean_lower), to which openai/CLIP's steps come down too; one function a step.
#pragma once

#include <string>
#include <string_view>

namespace glint {

// " ".join(text.split()): runs of white space become one space, none at either end.
std::u32string collapse_whitespace(std::u32string_view text);

// str.lower(): the simple mapping, except U+0130, which becomes "i" and U+0307, and a capital
// sigma, which at the end of a word becomes the final form.
std::u32string lower_case(std::u32string_view text);

// All steps in the reference's order: ftfy's repairs, HTML references twice, white space, lower
// case. The result is UTF-8.
std::string clean_lower(std::string_view utf8);

}  // namespace glint
