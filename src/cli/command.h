// What a command is: a part of the command line, and what to do when it was asked for.
// Adding one is a cmd_NAME.cpp, a line here and a line in app.cpp.
#pragma once

#include <CLI/App.hpp>
#include <functional>
#include <stop_token>

#include "cli/console.h"

namespace glint::cli {

// What every command works with; outlives it.
struct Context {
  Console& console;
  std::stop_token stop;  // set by ctrl-C
};

// Throws Error(kCancelled) after ctrl-C.
void check_interrupt(const Context& context);

struct Command {
  CLI::App* app;
  std::function<int()> run;  // the exit status
};

Command add_adapt(CLI::App& program, const Context& context);
Command add_bank(CLI::App& program, const Context& context);
Command add_bench(CLI::App& program, const Context& context);
Command add_classify(CLI::App& program, const Context& context);
Command add_embed(CLI::App& program, const Context& context);
Command add_evaluate(CLI::App& program, const Context& context);
Command add_index(CLI::App& program, const Context& context);
Command add_inspect(CLI::App& program, const Context& context);
Command add_preprocess(CLI::App& program, const Context& context);
Command add_segment(CLI::App& program, const Context& context);
Command add_tokenize(CLI::App& program, const Context& context);
Command add_verify(CLI::App& program, const Context& context);

}  // namespace glint::cli
