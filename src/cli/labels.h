// The words of a question as the command line gives them.
#pragma once

#include <glint/head.h>
#include <glint/model.h>

#include <CLI/App.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace glint::cli {

struct LabelOptions {
  std::string list;                    // "cat, dog"
  std::string file;                    // one a line
  std::string bank;                    // saved class embeddings
  std::vector<std::string> templates;  // empty: the package's own
  CLI::Option* list_given = nullptr;
  CLI::Option* file_given = nullptr;
  CLI::Option* bank_given = nullptr;  // where there is such a flag
};

// --labels, --labels-file and --template; with `bank`, --bank too, which takes the place of all.
enum class BankFlag { kNo, kYes };
void add_labels(CLI::App& command, LabelOptions& options, BankFlag bank = BankFlag::kYes);
CLI::Option* add_templates(CLI::App& command, std::vector<std::string>& templates);

// The tasks that the commands ask for.
inline constexpr const char* kClassifyTask = "classify";
inline constexpr const char* kSegmentTask = "segment";

// What the flags say, before a model is loaded.
struct Words {
  std::vector<std::string> labels;     // none: the package's own
  std::vector<std::string> templates;  // likewise
  std::optional<ClassBank> bank;       // in place of both
};

// Labels are trimmed. A list is split at commas; a file has one a line, blank lines skipped.
// Throws Error(kInvalidArgument): an empty list or file, an empty or repeated label and where; and
// what load_class_bank throws.
Words read_words(const LabelOptions& options, const std::stop_token& stop);

// The words, encoded with a bar on a terminal; or their bank. No labels: the package's own; an
// Error that says what to pass when it has none.
TextState prepare(const Model& model, const Words& words, const Context& context,
                  std::string_view task = kClassifyTask);

// The answer of a task that classifies. Throws Error(kUnsupported) for another kind.
const Classification& classification_of(const Prediction& answer);

// The answer of a task that gives each pixel a label. Throws Error(kUnsupported) for another kind.
const Segmentation& segmentation_of(const Prediction& answer);

}  // namespace glint::cli
