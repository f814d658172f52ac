// The flags that all commands share, and what they lead to.
#pragma once

#include <glint/image.h>
#include <glint/model.h>
#include <glint/package.h>

#include <CLI/App.hpp>
#include <cstdint>
#include <string>

#include "cli/command.h"

namespace glint::cli {

struct CommonOptions {
  std::string model;  // empty: the bundled package
  std::string device = "cpu";
  int threads = 0;
  std::string precision = "exact";
  std::int64_t batch_size = 32;
  std::string exif = "ignore";
};

enum class ModelArgument { kFlag, kFlagOrPositional };  // "--model PKG", or just "PKG" too

// Every command takes all of them, so that a script may pass the same ones everywhere.
void add_common(CLI::App& command, CommonOptions& options,
                ModelArgument model = ModelArgument::kFlag);

DecodeOptions decode_options(const CommonOptions& options);

// The path of the package that was asked for; a note on stderr when none was.
std::string package_path(const CommonOptions& options, Console& console);

// Throws what Model::load throws, and Error(kCancelled) when ctrl-C came meanwhile.
Model load_model(const CommonOptions& options, const Context& context);

}  // namespace glint::cli
