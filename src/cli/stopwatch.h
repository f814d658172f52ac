// Repeated timing of one piece of work with a monotonic clock.
//
// A round is as many calls as fill two milliseconds, so that the clock's own grain and cost vanish;
// a figure is the time of a round divided by its calls. What a machine does beside the work only
// ever adds time, hence the minimum is the steadiest figure and the median the typical one.
#pragma once

#include <cstdint>
#include <functional>

namespace glint::cli {

// Seconds one call takes, over the rounds.
struct Timing {
  double median = 0;
  double min = 0;
  double p10 = 0;  // a tenth of the rounds was faster
  double p90 = 0;  // a tenth of the rounds was slower
};

// Runs `call` untimed at least twice and for at least 50 ms (caches, first touches, one-off
// compilation; once is enough when it takes a second), then times `rounds` rounds, at least one.
// `each_round` is called before every round; what it or `call` throws passes through.
Timing time_rounds(const std::function<void()>& call, std::int64_t rounds,
                   const std::function<void(std::int64_t done)>& each_round);

// Seconds of two kinds of calls of the same work.
struct FirstCall {
  double first = 0;
  double next = 0;  // the median of those after it
};

// Times a call that comes without any warm-up, and `next` calls after it, at least one.
FirstCall time_first(const std::function<void()>& call, std::int64_t next);

// Makes the compiler believe that all of memory behind `value` is read, so that no timed work is
// left out as useless.
template <typename T>
void keep(const T& value) {
  asm volatile("" : : "r"(&value) : "memory");
}

}  // namespace glint::cli
