// glint adapt add, remove: classes of a package that has a cache.
#include <glint/model.h>

#include <memory>

#include "cli/arguments.h"
#include "cli/cmd_adapt.h"
#include "cli/json.h"
#include "cli/text_input.h"
#include "core/check.h"

namespace glint::cli {
namespace {

struct ClassOptions {
  CommonOptions common;
  ShotOptions shots;
  OutputOptions output;
  std::string label;
};

void check(const ClassOptions& options) {
  adapt::check_output(options.output.path, options.output.force);
  check_utf8(options.label, "--class");
}

void finish(const Package& package, const adapt::Cache& cache, const ClassOptions& options,
            const Context& context) {
  write(adapt::replace_cache(package, cache, package_name(options.output)), options.output,
        context);
  if (options.output.json) {
    context.console.line(to_line({{"output", options.output.path},
                                  {"classes", cache.labels.size()},
                                  {"keys", cache.classes.size()}}));
  } else {
    context.console.line(
        cat("classes      ", cache.labels.size(), "\nkeys         ", cache.classes.size()));
  }
}

int add_class(const ClassOptions& options, const Context& context) {
  check(options);
  const auto pictures = adapt::read_class(options.label, options.shots.folder);
  const Model model = load_model(options.common, context);
  const adapt::Cache cache = adapt::read_cache(model.package());
  auto bar = context.console.bar("shots");
  const adapt::Features features =
      adapt::encode(model, pictures, encode_options(options.shots, options.common, context, bar));
  report_skipped(features, context.console);
  finish(model.package(), adapt::add_class(cache, features), options, context);
  return 0;
}

int remove_class(const ClassOptions& options, const Context& context) {
  check(options);
  const Package package =
      Package::open(package_path(options.common, context.console), {.stop = context.stop});
  const adapt::Cache cache = adapt::read_cache(package);
  finish(package, adapt::remove_class(cache, options.label), options, context);
  return 0;
}

CLI::App* add(CLI::App& adapt, const char* name, const char* what, ClassOptions& options) {
  CLI::App* command = adapt.add_subcommand(name, what);
  add_text(*command, "--class", options.label, "NAME", "The class")->required();
  add_output(*command, options.output);
  add_common(*command, options.common, ModelArgument::kFlagOrPositional);
  return command;
}

}  // namespace

Command add_adapt_add(CLI::App& adapt, const Context& context) {
  const auto options = std::make_shared<ClassOptions>();
  CLI::App* command = add(adapt, "add", "Add a class to a package with a cache", *options);
  add_shots(*command, options->shots, "DIR/*.jpg");
  return {command, [options, context] { return add_class(*options, context); }};
}

Command add_adapt_remove(CLI::App& adapt, const Context& context) {
  const auto options = std::make_shared<ClassOptions>();
  CLI::App* command = add(adapt, "remove", "Take a class out of a package with a cache", *options);
  return {command, [options, context] { return remove_class(*options, context); }};
}

}  // namespace glint::cli
