// Repair of mojibake: text in UTF-8 that was decoded with another encoding, once or many times.
#pragma once

#include <string>

namespace glint::ftfy {

// ftfy __init__.py, fix_encoding.
std::u32string fix_encoding(std::u32string text);

}  // namespace glint::ftfy
