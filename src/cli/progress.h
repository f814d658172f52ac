// A progress bar on stderr with rate and time left, drawn only on a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace glint::cli {

// Used from one thread.
class Progress {
 public:
  void start(std::string what);
  void update(std::int64_t done, std::int64_t total);  // draws at most ten times a second
  void clear() noexcept;  // takes the bar off the screen until the next update
  void finish() noexcept;

 private:
  using Clock = std::chrono::steady_clock;
  void draw(std::int64_t done, std::int64_t total, double seconds);

  std::string what_;
  bool active_ = false;
  Clock::time_point started_;
  Clock::time_point drawn_;
  bool on_screen_ = false;
};

// "7 s", "12 min", "3.5 h"
std::string time_text(double seconds);

// The first `share` (0 to 1) of `cells` columns filled, in steps of an eighth of a column, then
// blanks.
std::string block_bar(double share, int cells);

}  // namespace glint::cli
