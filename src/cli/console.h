// Answers go to stdout, everything else to stderr.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "cli/progress.h"

namespace glint::cli {

// Stdout can not be written. Not a glint::Error, so that nobody takes it for a bad picture's. The
// message is empty when the reader has gone away (where SIGPIPE is ignored): nobody wants to know.
class OutputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Used from one thread.
class Console {
 public:
  // To stdout; line() adds a newline. Throw OutputError.
  void print(std::string_view text);
  void line(std::string_view text);
  void flush();
  bool stdout_is_terminal() const;

  // "error: " or "note: " and one sentence, to stderr. Never throw.
  void error(std::string_view message) noexcept;
  void note(std::string_view message) noexcept;

  // A bar on stderr while the result lives; only on a terminal. `what`: "embedding".
  class Bar;
  Bar bar(std::string what);

 private:
  void say(std::string_view kind, std::string_view message) noexcept;
  Progress progress_;
};

class Console::Bar {
 public:
  explicit Bar(Progress& progress) : progress_(progress) {}
  ~Bar() { progress_.finish(); }
  Bar(const Bar&) = delete;
  Bar& operator=(const Bar&) = delete;
  void update(std::int64_t done, std::int64_t total) { progress_.update(done, total); }

 private:
  Progress& progress_;
};

// With control characters as \xNN: for text of others on a terminal.
std::string printable(std::string_view text);

}  // namespace glint::cli
