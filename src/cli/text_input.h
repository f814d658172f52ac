// Text from files, standard input and the command line: UTF-8 or refused.
#pragma once

#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace glint::cli {

// All bytes of a file of any kind, or of standard input for "-"; at most 1 GiB.
// Throws Error: kNotFound, kIo, kInvalidArgument (more bytes), kCancelled (stop, while waiting).
std::string read_all(const std::string& path, const std::stop_token& stop);

// The lines of read_all(path): LF or CRLF, a byte order mark dropped, the last line with or
// without a newline. Throws Error(kInvalidArgument) naming the first line that is not UTF-8.
std::vector<std::string> read_lines(const std::string& path, const std::stop_token& stop);

// The Unicode standard's definition (table 3-7): no overlong form, no surrogate, at most U+10FFFF.
bool is_utf8(std::string_view text);

// Throws Error(kInvalidArgument) that names `what`: "--template".
void check_utf8(std::string_view text, std::string_view what);

// Without white space (ASCII) at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace glint::cli
