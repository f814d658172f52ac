#include "cli/text_input.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/check.h"

namespace glint::cli {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 30;
constexpr int kPollMs = 100;

class Input {
 public:
  explicit Input(const std::string& path)
      : name_(path == "-" ? "standard input" : quote(path)),
        owned_(path != "-"),
        descriptor_(owned_ ? ::open(path.c_str(), O_RDONLY | O_CLOEXEC) : STDIN_FILENO) {
    if (descriptor_ < 0 && errno == ENOENT) fail(ErrorCode::kNotFound, "no such file: ", name_);
    if (descriptor_ < 0) fail_to_read();
  }
  ~Input() {
    if (owned_) ::close(descriptor_);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  const std::string& name() const { return name_; }

  // Waits in short steps, so that ctrl-C at an empty terminal or pipe is seen.
  std::size_t read(char* buffer, std::size_t size, const std::stop_token& stop) const {
    for (;;) {
      if (stop.stop_requested()) fail(ErrorCode::kCancelled, "interrupted");
      pollfd ready{descriptor_, POLLIN, 0};
      const int count = ::poll(&ready, 1, kPollMs);
      if (count == 0 || (count < 0 && errno == EINTR)) continue;
      const ssize_t got = ::read(descriptor_, buffer, size);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR && errno != EAGAIN) fail_to_read();
    }
  }

 private:
  [[noreturn]] void fail_to_read() const {
    fail(ErrorCode::kIo, "cannot read ", name_, ": ", std::strerror(errno));
  }

  std::string name_;
  bool owned_;
  int descriptor_;
};

// Bytes of the well-formed sequence at the front of `text`, or 0.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (text.size() < length) return 0;
  // The second byte's range is where overlong forms, surrogates and too large values are excluded.
  const unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  }
  return length;
}

}  // namespace

std::string read_all(const std::string& path, const std::stop_token& stop) {
  const Input input(path);
  std::string bytes;
  std::vector<char> buffer(std::size_t{1} << 16);
  while (const std::size_t got = input.read(buffer.data(), buffer.size(), stop)) {
    if (bytes.size() + got > kMaxBytes) {
      fail(ErrorCode::kInvalidArgument, "expected at most ", kMaxBytes, " bytes in ", input.name(),
           ", got more");
    }
    bytes.append(buffer.data(), got);
  }
  return bytes;
}

std::vector<std::string> read_lines(const std::string& path, const std::stop_token& stop) {
  const std::string bytes = read_all(path, stop);
  std::string_view rest = bytes;
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  std::vector<std::string> lines;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!is_utf8(line)) {
      fail(ErrorCode::kInvalidArgument, "expected UTF-8, got other bytes in line ",
           lines.size() + 1, " of ", path == "-" ? "standard input" : quote(path));
    }
    lines.emplace_back(line);
  }
  return lines;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void check_utf8(std::string_view text, std::string_view what) {
  if (!is_utf8(text)) {
    fail(ErrorCode::kInvalidArgument, what, ": expected UTF-8, got other bytes");
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace glint::cli
