// What `glint inspect --graph` shows.
#pragma once

#include <glint/report.h>

#include "cli/console.h"
#include "cli/json.h"

namespace glint::cli {

// A line a kind of node, with its number before and after the passes; the most frequent first.
void print_graphs(const ModelReport& report, Console& console);

Json describe_graphs(const ModelReport& report);

}  // namespace glint::cli
