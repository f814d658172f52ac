// What ftfy 6.3.1 does to a text by default; open_clip and openai/CLIP begin their cleaning with
// it.
#pragma once

#include <string>
#include <string_view>

namespace glint::ftfy {

// ftfy.fix_text(text). The one difference: a text that needs more rounds of repair than
// stable.h grants keeps what is left.
std::u32string fix_text(std::u32string_view text);

// Whether neither ftfy nor HTML unescaping can change these bytes: printable ASCII without "&".
bool is_plain(std::string_view utf8);

}  // namespace glint::ftfy
