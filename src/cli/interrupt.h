// Ctrl-C as a stop request, so that work ends between two batches and nothing is half written.
#pragma once

#include <stop_token>

namespace glint::cli {

// From now on the first SIGINT sets `source`, and the second ends the program at once. Call it
// before other threads exist. Does nothing where the parent had SIGINT ignored (nohup).
void stop_on_interrupt(std::stop_source source);

}  // namespace glint::cli
