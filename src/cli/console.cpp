#include "cli/console.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace glint::cli {
namespace {

[[noreturn]] void fail_to_write() {
  if (errno == EPIPE) throw OutputError("");
  throw OutputError(std::string("cannot write to standard output: ") + std::strerror(errno));
}

}  // namespace

void Console::print(std::string_view text) {
  progress_.clear();
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) fail_to_write();
}

void Console::line(std::string_view text) {
  print(text);
  print("\n");
}

void Console::flush() {
  if (std::fflush(stdout) != 0) fail_to_write();
}

bool Console::stdout_is_terminal() const { return ::isatty(STDOUT_FILENO) == 1; }

void Console::error(std::string_view message) noexcept { say("error: ", message); }
void Console::note(std::string_view message) noexcept { say("note: ", message); }

void Console::say(std::string_view kind, std::string_view message) noexcept {
  progress_.clear();
  std::fwrite(kind.data(), 1, kind.size(), stderr);
  std::fwrite(message.data(), 1, message.size(), stderr);
  std::fputc('\n', stderr);
}

Console::Bar Console::bar(std::string what) {
  progress_.start(std::move(what));
  return Bar(progress_);
}

std::string printable(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F are control characters too; in UTF-8 they are C2 80 to C2 9F.
    const bool second_of_c1 = byte >= 0x80 && byte < 0xa0 && i > 0 && text[i - 1] == '\xc2';
    if (byte < 0x20 || byte == 0x7f || second_of_c1) {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace glint::cli
