// The program: parses the command line, runs one command, turns every failure into an exit status.
#pragma once

namespace glint::cli {

// 0 done; 1 failed, with one sentence on stderr; 2 wrong usage; 130 interrupted. Throws nothing.
int run(int argc, char** argv) noexcept;

}  // namespace glint::cli
