// What long calls tell their caller while they run.
#pragma once

#include <glint/export.h>

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string_view>

namespace glint {

// done of total steps; called from the thread that made the call, which what it throws passes
// through unchanged.
using ProgressFn = std::function<void(std::int64_t done, std::int64_t total)>;

// Throws Error(kCancelled) when the caller wants to stop.
GLINT_API void check_stop(const std::stop_token& stop);

enum class LogLevel {
  kInfo,     // what was done, and how long it took
  kWarning,  // something was done in another way than asked for
};

// One line without a line end; called from the thread that made the call. What it throws passes
// through unchanged.
using LogFn = std::function<void(LogLevel level, std::string_view line)>;

}  // namespace glint
