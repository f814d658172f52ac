// The words of a question as the command line gives them.
#pragma once

#include <glint/head.h>
#include <glint/model.h>

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "cli/command.h"

namespace glint::cli {

struct LabelOptions {
  std::string list;  // "cat, dog"
  std::string file;  // one a line
  CLI::Option* list_given = nullptr;
  CLI::Option* file_given = nullptr;
};

void add_labels(CLI::App& command, LabelOptions& options);
void add_templates(CLI::App& command, std::vector<std::string>& templates);

// The labels of either flag, trimmed; none when neither was given. A list is split at commas; a
// file has one a line, blank lines skipped.
// Throws Error(kInvalidArgument): an empty list or file, an empty or repeated label and where.
std::vector<std::string> read_labels(const LabelOptions& options, const std::stop_token& stop);

// Encodes the words, with a bar on a terminal. No labels: the package's own; an Error that says
// what to pass when it has none.
TextState prepare_labels(const Model& model, const std::vector<std::string>& labels,
                         const std::vector<std::string>& templates, const Context& context);

// The one task that classify and evaluate ask for.
inline constexpr const char* kClassifyTask = "classify";

}  // namespace glint::cli
