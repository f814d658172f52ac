// The two halves of "glint index".
#pragma once

#include "cli/command.h"

namespace glint::cli {

Command add_index_build(CLI::App& index, const Context& context);
Command add_index_search(CLI::App& index, const Context& context);

}  // namespace glint::cli
