#include <glint/package.h>
#include <glint/preprocess.h>

#include <memory>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/image_files.h"
#include "cli/npy.h"
#include "cli/options.h"

namespace glint::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  glint preprocess cat.jpg --output cat.npy --model clip-vit-b-32.glint)";

struct PreprocessOptions {
  CommonOptions common;
  std::string image;
  std::string output;
};

int preprocess(const PreprocessOptions& options, const Context& context) {
  check_writable(options.output);
  // Pixels need no tower, so none is loaded.
  const auto package = Package::open(package_path(options.common, context.console));
  const Manifest& manifest = package.manifest();
  const TaskSpec& task = manifest.tasks.begin()->second;
  const Preprocessor preprocessor(manifest.preprocess.at(task.preprocess));
  const PreprocessSpec& spec = preprocessor.spec();
  NpyArray pixels({3, spec.height, spec.width});
  const Image image = read_image(options.image, options.common, context);
  preprocessor(image.view(), pixels.values());
  check_interrupt(context);
  pixels.write(options.output);
  return 0;
}

}  // namespace

Command add_preprocess(CLI::App& program, const Context& context) {
  const auto options = std::make_shared<PreprocessOptions>();
  CLI::App* command =
      program.add_subcommand("preprocess", "Write the pixels an image encoder sees, f32 [3, H, W]");
  command->footer(kExamples);
  add_text(*command, "image", options->image, "IMAGE",
           "JPEG, PNG, WebP or BMP file; - is standard input")
      ->required();
  add_text(*command, "--output", options->output, "FILE.npy", "NumPy file to write")->required();
  add_common(*command, options->common);
  return {command, [options, context] { return preprocess(*options, context); }};
}

}  // namespace glint::cli
