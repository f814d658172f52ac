#include "cli/options.h"

#include <glint/device.h>
#include <glint/error.h>

#include "cli/arguments.h"
#include "cli/package_path.h"

namespace glint::cli {
namespace {

std::string check_device(const std::string& name) {
  try {
    parse_device(name);
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

void add_common(CLI::App& command, CommonOptions& options, ModelArgument model) {
  add_text(command, model == ModelArgument::kFlag ? "--model" : "--model,package", options.model,
           "PKG", "Package folder, or the name of one (default: the bundled tiny-clip)");
  command.add_option("--device", options.device, "Device to compute on: cpu, cuda or cuda:N")
      ->type_name("NAME")
      ->check(check_device)
      ->capture_default_str();
  command.add_option("--threads", options.threads, "CPU threads to compute with (0: all cores)")
      ->type_name("N")
      ->check(CLI::Range(0, 1024).description(""))
      ->capture_default_str();
  command
      .add_option("--precision", options.precision,
                  "exact: f32; fast: bf16, cosine >= 0.9999; compact: 8-bit integers, >= 0.99")
      ->type_name("exact|fast|compact")
      ->check(CLI::IsMember({"exact", "fast", "compact"}).description(""))
      ->capture_default_str();
  command
      .add_option("--batch-size", options.batch_size,
                  "Images, or texts of 32 ids, computed at once")
      ->type_name("N")
      ->check(CLI::Range(1, 65536).description(""))
      ->capture_default_str();
  command
      .add_option("--exif", options.exif,
                  "EXIF orientation: ignore it as the reference pipelines do, or apply it")
      ->type_name("ignore|apply")
      ->check(CLI::IsMember({"ignore", "apply"}).description(""))
      ->capture_default_str();
}

DecodeOptions decode_options(const CommonOptions& options) {
  DecodeOptions decode;
  decode.apply_exif = options.exif == "apply";
  return decode;
}

std::string package_path(const CommonOptions& options, Console& console) {
  if (!options.model.empty()) return find_package(options.model);
  const std::string path = bundled_package();
  console.note("no --model given; using the bundled tiny-clip (small, trained on CIFAR-10)");
  return path;
}

Model load_model(const CommonOptions& options, const Context& context) {
  Model model = Model::load(package_path(options, context.console),
                            {.device = options.device,
                             .max_batch = options.batch_size,
                             .threads = options.threads,
                             .precision = parse_precision(options.precision),
                             .stop = context.stop});
  check_interrupt(context);
  return model;
}

}  // namespace glint::cli
