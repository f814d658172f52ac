#include "cli/labels.h"

#include <map>
#include <string_view>

#include "cli/arguments.h"
#include "cli/text_input.h"
#include "core/check.h"

namespace glint::cli {
namespace {

// Labels with the place each came from, so that a message can point to it.
class LabelList {
 public:
  void add(std::string_view label, const std::string& place) {
    const auto [first, fresh] = places_.emplace(label, place);
    if (!fresh) {
      fail(ErrorCode::kInvalidArgument, "expected distinct labels, got ", quote(label), " as ",
           first->second, " and as ", place);
    }
    labels_.emplace_back(label);
  }
  std::vector<std::string> take() { return std::move(labels_); }

 private:
  std::vector<std::string> labels_;
  std::map<std::string, std::string, std::less<>> places_;
};

std::vector<std::string> split_list(std::string_view list) {
  check_utf8(list, "--labels");
  LabelList labels;
  std::size_t position = 1;
  for (std::string_view rest = list;; ++position) {
    const std::size_t comma = rest.find(',');
    const std::string_view label = trimmed(rest.substr(0, comma));
    const std::string place = cat("label ", position, " of --labels");
    if (label.empty()) {
      fail(ErrorCode::kInvalidArgument, "expected labels separated by commas, but ", place,
           " is empty");
    }
    labels.add(label, place);
    if (comma == std::string_view::npos) return labels.take();
    rest.remove_prefix(comma + 1);
  }
}

std::vector<std::string> read_file_of_labels(const std::string& path, const std::stop_token& stop) {
  const std::vector<std::string> lines = read_lines(path, stop);
  LabelList labels;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view label = trimmed(lines[i]);
    if (!label.empty()) labels.add(label, cat("line ", i + 1, " of ", quote(path)));
  }
  std::vector<std::string> found = labels.take();
  if (found.empty()) {
    fail(ErrorCode::kInvalidArgument, "expected one label a line, got none in ", quote(path));
  }
  return found;
}

}  // namespace

void add_labels(CLI::App& command, LabelOptions& options, BankFlag bank) {
  options.list_given = add_text(command, "--labels", options.list, "\"A,B,C\"",
                                "Labels to choose from, separated by commas");
  options.file_given = add_text(command, "--labels-file", options.file, "FILE",
                                "Labels to choose from, one a line, UTF-8");
  options.list_given->excludes(options.file_given);
  CLI::Option* const templates = add_templates(command, options.templates);
  if (bank == BankFlag::kNo) return;
  options.bank_given =
      add_text(command, "--bank", options.bank, "FILE",
               "Class embeddings that glint bank saved, in place of labels and templates")
          ->excludes(options.list_given)
          ->excludes(options.file_given)
          ->excludes(templates);
}

CLI::Option* add_templates(CLI::App& command, std::vector<std::string>& templates) {
  return add_repeated_text(command, "--template", templates, "TEXT",
                           "Prompt, {} is the label; several: their mean (default: the package's)");
}

Words read_words(const LabelOptions& options, const std::stop_token& stop) {
  Words words;
  words.templates = options.templates;
  for (const std::string& text : words.templates) check_utf8(text, "--template");
  if (options.list_given->count() > 0) words.labels = split_list(options.list);
  if (options.file_given->count() > 0) words.labels = read_file_of_labels(options.file, stop);
  if (options.bank_given != nullptr && options.bank_given->count() > 0)
    words.bank = load_class_bank(options.bank);
  return words;
}

TextState prepare(const Model& model, const Words& words, const Context& context,
                  std::string_view task) {
  if (words.bank) {
    model.check_bank(*words.bank, task);
    return *words.bank;
  }
  if (words.labels.empty() && model.manifest().classes.empty()) {
    fail(ErrorCode::kInvalidArgument, "package ", quote(model.manifest().name),
         " has no labels of its own; pass --labels \"A,B,C\" or --labels-file FILE");
  }
  auto bar = context.console.bar("labels");
  const ProgressFn progress = [&](std::int64_t done, std::int64_t total) {
    bar.update(done, total);
  };
  return model.prepare(TextQuery{.labels = words.labels,
                                 .templates = words.templates,
                                 .stop = context.stop,
                                 .progress = progress},
                       task);
}

const Segmentation& segmentation_of(const Prediction& answer) {
  const auto* const segmentation = std::get_if<Segmentation>(&answer);
  if (segmentation == nullptr) {
    fail(ErrorCode::kUnsupported, "expected a package whose task ", quote(kSegmentTask),
         " gives each pixel a label, got one that answers otherwise");
  }
  return *segmentation;
}

const Classification& classification_of(const Prediction& answer) {
  const auto* const classification = std::get_if<Classification>(&answer);
  if (classification == nullptr) {
    fail(ErrorCode::kUnsupported, "expected a package whose task ", quote(kClassifyTask),
         " gives each label a score, got one that answers otherwise");
  }
  return *classification;
}

}  // namespace glint::cli
