// What long calls tell their caller while they run.
#pragma once

#include <glint/export.h>

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string_view>

namespace glint {

// done of total steps; called from the thread that made the call, which what it throws passes
// through: unchanged, but for an Error, which may get words in front, and std::bad_alloc and
// std::length_error, which become one.
using ProgressFn = std::function<void(std::int64_t done, std::int64_t total)>;

// Throws Error(kCancelled) when the caller wants to stop.
GLINT_API void check_stop(const std::stop_token& stop);

// What was done, and how long it took: one line without a line end. Called from the thread that
// made the call; what it throws passes through as above.
using LogFn = std::function<void(std::string_view line)>;

}  // namespace glint
