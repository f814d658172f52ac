// The commands below "glint adapt", and what they share.
#pragma once

#include <glint/adapt.h>

#include <string>
#include <utility>

#include "cli/command.h"
#include "cli/options.h"

namespace glint::cli {

Command add_adapt_tip(CLI::App& adapt, const Context& context);
Command add_adapt_tip_f(CLI::App& adapt, const Context& context);
Command add_adapt_add(CLI::App& adapt, const Context& context);
Command add_adapt_remove(CLI::App& adapt, const Context& context);

// How labelled pictures become keys.
struct ShotOptions {
  std::string folder;
  std::string views = "none";
  bool skip_unreadable = false;
};
void add_shots(CLI::App& command, ShotOptions& options, const std::string& layout);

// The package that comes out.
struct OutputOptions {
  std::string path;
  bool force = false;
  bool json = false;
};
void add_output(CLI::App& command, OutputOptions& options);

// OUT.glint's name: the folder's, without the ending.
std::string package_name(const OutputOptions& options);

// What adapt::encode takes, with `bar` as its progress.
adapt::EncodeShotsOptions encode_options(const ShotOptions& shots, const CommonOptions& common,
                                         const Context& context, Console::Bar& bar);

// A note for each picture that was left out.
void report_skipped(const adapt::Features& features, Console& console);

// Writes the package; a note where its base would not be found from there.
void write(const Package& package, const OutputOptions& options, const Context& context);

}  // namespace glint::cli
