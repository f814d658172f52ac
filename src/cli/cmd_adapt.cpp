#include "cli/cmd_adapt.h"

#include <glint/error.h>

#include <filesystem>

#include "cli/arguments.h"
#include "core/check.h"

namespace glint::cli {
namespace {

constexpr const char* kExamples =
    R"(Learns classes from a few labelled images a class, with Tip-Adapter, and writes a small package that
extends the one it was made from. That one stays beside the new one, or in GLINT_PACKAGE_PATH.

Examples:
  glint adapt tip --shots pets/train --validate pets/val --model vit-b-32.glint --output my-pets.glint
  glint adapt tip-f --shots pets/train --views flip --model vit-b-32.glint --output my-pets.glint
  glint adapt add my-pets.glint --class "guinea pig" --shots guinea-pigs --output more-pets.glint
  glint adapt remove more-pets.glint --class hamster --output fewer-pets.glint
  glint classify rex.jpg --model my-pets.glint)";

adapt::Views views_named(const std::string& name) {
  if (name == "flip") return adapt::Views::kFlip;
  return name == "ten-crop" ? adapt::Views::kTenCrop : adapt::Views::kNone;
}

}  // namespace

void add_shots(CLI::App& command, ShotOptions& options, const std::string& layout) {
  add_text(command, "--shots", options.folder, "DIR", "Labelled images as " + layout)->required();
  command
      .add_option("--views", options.views,
                  "How each image is seen, before the mean: as it is, mirrored too, or five crops "
                  "and their mirrors")
      ->type_name("none|flip|ten-crop")
      ->check(CLI::IsMember({"none", "flip", "ten-crop"}).description(""))
      ->capture_default_str();
  command.add_flag("--skip-unreadable", options.skip_unreadable,
                   "Leave images out that cannot be read (default: report all of them and fail)");
}

void add_output(CLI::App& command, OutputOptions& options) {
  add_text(command, "--output", options.path, "OUT.glint", "Where the package goes")->required();
  command.add_flag("--force", options.force, "Replace a package that is there");
  command.add_flag("--json", options.json, "One JSON object");
}

std::string package_name(const OutputOptions& options) {
  const std::filesystem::path path(options.path);
  return (path.has_filename() ? path : path.parent_path()).stem().string();
}

adapt::EncodeShotsOptions encode_options(const ShotOptions& shots, const CommonOptions& common,
                                         const Context& context, Console::Bar& bar) {
  return {.views = views_named(shots.views),
          .skip_unreadable = shots.skip_unreadable,
          .decode = decode_options(common),
          .stop = context.stop,
          .progress = [&bar](std::int64_t done, std::int64_t total) { bar.update(done, total); }};
}

void report_skipped(const adapt::Features& features, Console& console) {
  for (const auto& [path, why] : features.skipped) {
    console.note(cat("left out ", quote(path), ": ", why));
  }
}

void write(const Package& package, const OutputOptions& options, const Context& context) {
  check_interrupt(context);
  adapt::write_package(package, options.path, options.force);
  try {
    Package::open(options.path);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    context.console.note(cat("to use it, put its base ", quote(package.manifest().extends->name),
                             " beside it, or its folder into GLINT_PACKAGE_PATH"));
  }
}

Command add_adapt(CLI::App& program, const Context& context) {
  CLI::App* command = program.add_subcommand("adapt", "Learn classes from a few labelled images");
  command->footer(kExamples);
  command->require_subcommand(1);
  const std::vector<Command> commands = {
      add_adapt_tip(*command, context), add_adapt_tip_f(*command, context),
      add_adapt_add(*command, context), add_adapt_remove(*command, context)};
  return {command, [commands] {
            for (const Command& one : commands) {
              if (one.app->parsed()) return one.run();
            }
            return 0;
          }};
}

}  // namespace glint::cli
