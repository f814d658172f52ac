// Texts on the command line, kept exactly as they were typed.
//
// CLI11 gives some values a meaning of its own: "[a,b]" is taken apart where several values may
// stand, "{}" is an empty list, "++" ends a command. A label, a prompt template or a file may well
// be called so. Hence such arguments are marked before parsing (shielded_arguments), and texts are
// read by the two functions below, which take the mark away and convert nothing.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

namespace glint::cli {

// argv[1...], marked, and in the reverse order that CLI::App::parse wants.
std::vector<std::string> shielded_arguments(int argc, char** argv);

// Without the marks, for a message that quotes arguments.
std::string unshield(const std::string& text);

// One text. `type` is what the help calls it: "FILE".
CLI::Option* add_text(CLI::App& app, const std::string& name, std::string& value,
                      const std::string& type, const std::string& description);

// Any number of texts after one another: "--images a.jpg b.jpg", or a positional.
CLI::Option* add_texts(CLI::App& app, const std::string& name, std::vector<std::string>& values,
                       const std::string& type, const std::string& description);

// One text each time the flag is given: "--template A --template B".
CLI::Option* add_repeated_text(CLI::App& app, const std::string& name,
                               std::vector<std::string>& values, const std::string& type,
                               const std::string& description);

}  // namespace glint::cli
