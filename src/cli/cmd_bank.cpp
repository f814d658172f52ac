#include <glint/class_bank.h>
#include <glint/model.h>

#include <memory>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/labels.h"
#include "cli/npy.h"
#include "cli/options.h"
#include "core/check.h"

namespace glint::cli {
namespace {

constexpr const char* kExamples =
    R"(The file is a safetensors file: tensor rows [K, D] f32, the labels in its metadata. It says which
model made it, and another one refuses it. Of a package with several tasks the rows are those of
classify, unless --task names another: each task has its own templates.

Examples:
  glint bank --labels-file animals.txt --output animals.safetensors
  glint classify *.jpg --bank animals.safetensors
  glint bank --labels-file things.txt --model groupvit.glint --task segment --output things.safetensors)";

struct BankOptions {
  CommonOptions common;
  LabelOptions labels;
  std::string task;  // "": see task_of
  std::string output;
};

// The task that was asked for, else classify, else the package's only one.
std::string task_of(const BankOptions& options, const Manifest& manifest) {
  if (!options.task.empty() || manifest.tasks.contains(kClassifyTask)) {
    return options.task.empty() ? kClassifyTask : options.task;
  }
  if (manifest.tasks.size() != 1) {
    fail(ErrorCode::kInvalidArgument, "package ", quote(manifest.name), " has ",
         manifest.tasks.size(), " tasks; pass --task NAME");
  }
  return manifest.tasks.begin()->first;
}

int bank(const BankOptions& options, const Context& context) {
  check_writable(options.output);
  const Words words = read_words(options.labels, context.stop);
  const Model model = load_model(options.common, context);
  const TextState text = prepare(model, words, context, task_of(options, model.manifest()));
  const auto* const made = std::get_if<ClassBank>(&text);
  if (made == nullptr) {
    fail(ErrorCode::kUnsupported, "package ", quote(model.manifest().name),
         " makes its text anew for every image, so it has no class embeddings to save");
  }
  check_interrupt(context);
  save_class_bank(*made, output_target(options.output));
  context.console.note(cat(made->labels.size(), made->labels.size() == 1 ? " label" : " labels",
                           ", ", made->rows.dim(1), " numbers each -> ", options.output));
  return 0;
}

}  // namespace

Command add_bank(CLI::App& program, const Context& context) {
  const auto options = std::make_shared<BankOptions>();
  CLI::App* command = program.add_subcommand("bank", "Encode labels once, for many runs");
  command->footer(kExamples);
  add_labels(*command, options->labels, BankFlag::kNo);
  add_text(*command, "--task", options->task, "NAME", "Of the package's tasks (default: classify)");
  add_text(*command, "--output", options->output, "FILE", "Where the class embeddings go")
      ->required();
  add_common(*command, options->common);
  return {command, [options, context] { return bank(*options, context); }};
}

}  // namespace glint::cli
