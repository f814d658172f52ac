#include "cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace glint::cli {
namespace {

constexpr int kCells = 24;
constexpr std::chrono::milliseconds kBetweenDraws{100};

bool stderr_can_redraw() {
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && terminal != nullptr &&
         terminal != std::string_view("dumb");
}

}  // namespace

void Progress::start(std::string what) {
  what_ = std::move(what);
  active_ = stderr_can_redraw();
  started_ = Clock::now();
  drawn_ = started_;  // work that takes no time shows no bar
}

void Progress::update(std::int64_t done, std::int64_t total) {
  const auto now = Clock::now();
  if (!active_ || total < 1 || now - drawn_ < kBetweenDraws) return;
  drawn_ = now;
  draw(std::clamp<std::int64_t>(done, 0, total), total,
       std::chrono::duration<double>(now - started_).count());
}

void Progress::draw(std::int64_t done, std::int64_t total, double seconds) {
  const double rate = static_cast<double>(done) / std::max(seconds, 1e-9);
  const double share = static_cast<double>(done) / static_cast<double>(total);
  const std::string left =
      done > 0 ? ", " + time_text(static_cast<double>(total - done) / rate) + " left" : "";
  std::fprintf(stderr, "\r\x1b[K%s %s %3.0f%%  %lld of %lld, %.*f/s%s", what_.c_str(),
               block_bar(share, kCells).c_str(), 100 * share, static_cast<long long>(done),
               static_cast<long long>(total), rate < 10 ? 1 : 0, rate, left.c_str());
  on_screen_ = true;
}

void Progress::clear() noexcept {
  if (on_screen_) std::fputs("\r\x1b[K", stderr);
  on_screen_ = false;
}

void Progress::finish() noexcept {
  clear();
  active_ = false;
}

std::string time_text(double seconds) {
  char text[32];
  if (seconds < 100) {
    std::snprintf(text, sizeof text, "%.0f s", std::ceil(seconds));
  } else if (seconds < 6000) {
    std::snprintf(text, sizeof text, "%.0f min", seconds / 60);
  } else {
    std::snprintf(text, sizeof text, "%.1f h", seconds / 3600);
  }
  return text;
}

std::string block_bar(double share, int cells) {
  constexpr const char* kEighths[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
  const int filled = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * cells * 8));
  std::string bar;
  for (int cell = 0; cell < cells; ++cell) bar += kEighths[std::clamp(filled - cell * 8, 0, 8)];
  return bar;
}

}  // namespace glint::cli
