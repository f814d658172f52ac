#include <glint/verify.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/options.h"
#include "core/check.h"

namespace glint::cli {
namespace {

constexpr const char* kExamples =
    R"(Repeats what the reference implementation computed when the package was made, stage by stage, each
from the reference's own input, and compares.

Examples:
  glint verify clip-vit-b-32.glint
  glint verify clip-vit-b-32.glint --json)";

struct VerifyOptions {
  CommonOptions common;
  bool json = false;
};

void print_json(const Model& model, const VerifyReport& report, Console& console) {
  Json stages = Json::array();
  for (const VerifyStage& stage : report.stages) {
    stages.push_back({{"name", stage.name},
                      {"measure", stage.measure},
                      {"difference", stage.difference},
                      {"tolerance", stage.tolerance},
                      {"where", stage.where},
                      {"passed", stage.passed}});
  }
  console.line(to_line({{"package", model.manifest().name},
                        {"digest", model.package().digest()},
                        {"passed", report.passed()},
                        {"stages", std::move(stages)}}));
}

void print_row(Console& console, const char* stage, const char* measure, const char* difference,
               const char* tolerance, const char* result) {
  char row[160];
  std::snprintf(row, sizeof row, "%-16s  %-16s  %10s  %9s  %s", stage, measure, difference,
                tolerance, result);
  console.line(row);
}

void print_table(const VerifyReport& report, Console& console) {
  print_row(console, "stage", "measure", "difference", "tolerance", "result");
  for (const VerifyStage& stage : report.stages) {
    char difference[32];
    char tolerance[32];
    std::snprintf(difference, sizeof difference, "%.3g", stage.difference);
    std::snprintf(tolerance, sizeof tolerance, "%.3g", stage.tolerance);
    print_row(console, stage.name.c_str(), stage.measure.c_str(), difference, tolerance,
              stage.passed ? "ok" : "DIFFERS");
  }
}

int verify_package(const VerifyOptions& options, const Context& context) {
  const Model model = load_model(options.common, context);
  const VerifyReport report = verify(model);
  if (options.json) {
    print_json(model, report, context.console);
  } else {
    print_table(report, context.console);
  }
  context.console.flush();
  const VerifyStage* failure = report.first_failure();
  if (failure == nullptr) return 0;
  const std::string where = failure->where.empty() ? "" : ", at " + printable(failure->where);
  context.console.error(cat("the first stage that differs is ", failure->name, ": expected ",
                            failure->measure, " of at most ", failure->tolerance, ", got ",
                            failure->difference, where));
  return 1;
}

}  // namespace

Command add_verify(CLI::App& program, const Context& context) {
  const auto options = std::make_shared<VerifyOptions>();
  CLI::App* command =
      program.add_subcommand("verify", "Compare a package's results with its reference");
  command->footer(kExamples);
  command->add_flag("--json", options->json, "One JSON object");
  add_common(*command, options->common, ModelArgument::kFlagOrPositional);
  return {command, [options, context] { return verify_package(*options, context); }};
}

}  // namespace glint::cli
