#include "cli/stopwatch.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

namespace glint::cli {
namespace {

constexpr double kWarmUpSeconds = 0.05;
constexpr double kRoundSeconds = 0.002;
constexpr double kMaxCalls = 1e6;

double seconds_of(const std::function<void()>& call, std::int64_t calls) {
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; i < calls; ++i) call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Seconds of the fastest warm-up call.
double warm_up(const std::function<void()>& call) {
  double spent = seconds_of(call, 1);
  double fastest = spent;
  for (int calls = 1; spent < 1 && (calls < 2 || spent < kWarmUpSeconds); ++calls) {
    const double seconds = seconds_of(call, 1);
    fastest = std::min(fastest, seconds);
    spent += seconds;
  }
  return fastest;
}

// Of sorted values, with linear interpolation between neighbours.
double quantile(const std::vector<double>& sorted, double share) {
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - std::floor(position));
}

}  // namespace

Timing time_rounds(const std::function<void()>& call, std::int64_t rounds,
                   const std::function<void(std::int64_t done)>& each_round) {
  each_round(0);
  const double fastest = std::max(warm_up(call), kRoundSeconds / kMaxCalls);
  const auto calls = static_cast<std::int64_t>(std::max(1.0, std::ceil(kRoundSeconds / fastest)));
  std::vector<double> seconds;
  for (std::int64_t round = 0; round < rounds; ++round) {
    each_round(round);
    seconds.push_back(seconds_of(call, calls) / static_cast<double>(calls));
  }
  std::ranges::sort(seconds);
  return {quantile(seconds, 0.5), seconds.front(), quantile(seconds, 0.1), quantile(seconds, 0.9)};
}

FirstCall time_first(const std::function<void()>& call, std::int64_t next) {
  const double first = seconds_of(call, 1);
  std::vector<double> seconds;
  for (std::int64_t i = 0; i < next; ++i) seconds.push_back(seconds_of(call, 1));
  std::ranges::sort(seconds);
  return {first, quantile(seconds, 0.5)};
}

}  // namespace glint::cli
