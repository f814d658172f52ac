#include <glint/model.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/image_files.h"
#include "cli/npy.h"
#include "cli/options.h"
#include "cli/text_input.h"
#include "core/check.h"
#include "core/folder.h"

namespace glint::cli {
namespace {

constexpr const char* kExamples =
    R"(The result is f32 [N, D] with rows of unit length, in input order: row i belongs to picture or
line i. A folder stands for its images, sorted by name. The row of a picture that cannot be read
is NaN.

Examples:
  glint embed --images photos --output photos.npy
  glint embed --images a.jpg b.png --output pair.npy
  echo "a photo of a cat" | glint embed --texts - --output cat.npy)";

struct EmbedOptions {
  CommonOptions common;
  std::vector<std::string> images;
  std::string texts;
  CLI::Option* texts_given = nullptr;
  std::string output;
};

std::vector<std::string> expand_folders(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(path, ignored)) {
      files.push_back(path);
      continue;
    }
    const std::vector<std::string> found = image_files(path);
    if (found.empty()) {
      fail(ErrorCode::kInvalidArgument, "expected .jpg, .jpeg, .png, .webp or .bmp files in ",
           quote(path), ", got none");
    }
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

int embed_images(const EmbedOptions& options, const Context& context) {
  const std::vector<std::string> files = expand_folders(options.images);
  const Model model = load_model(options.common, context);
  const std::int64_t dim = model.manifest().embed_dim;
  const auto count = static_cast<std::int64_t>(files.size());
  NpyArray rows({count, dim});
  std::ranges::fill(rows.values(), std::numeric_limits<float>::quiet_NaN());
  EncodeOptions encode;
  encode.stop = context.stop;
  auto bar = context.console.bar("images");
  const auto failed =
      for_each_batch(files, options.common, context, [&](std::span<const NamedImage> images) {
        const Embeddings embeddings = model.encode_images(views(images), encode);
        for (std::size_t i = 0; i < images.size(); ++i) {
          const auto row = embeddings.row(static_cast<std::int64_t>(i));
          const auto first = static_cast<std::ptrdiff_t>(images[i].position) * dim;
          std::ranges::copy(row, rows.values().begin() + first);
        }
        bar.update(static_cast<std::int64_t>(images.back().position) + 1, count);
      });
  if (failed == count) {
    fail(ErrorCode::kInvalidArgument, "none of the images could be used; wrote nothing");
  }
  check_interrupt(context);
  rows.write(options.output);
  return failed == 0 ? 0 : 1;
}

int embed_texts(const EmbedOptions& options, const Context& context) {
  const std::vector<std::string> texts = read_lines(options.texts, context.stop);
  if (texts.empty()) {
    fail(ErrorCode::kInvalidArgument, "expected one text a line, got none in ",
         options.texts == "-" ? "standard input" : quote(options.texts));
  }
  const Model model = load_model(options.common, context);
  auto bar = context.console.bar("texts");
  EncodeOptions encode;
  encode.stop = context.stop;
  encode.progress = [&](std::int64_t done, std::int64_t total) { bar.update(done, total); };
  const Embeddings embeddings = model.encode_texts(texts, encode);
  NpyArray rows({embeddings.count, embeddings.embed_dim});
  std::ranges::copy(embeddings.values, rows.values().begin());
  check_interrupt(context);
  rows.write(options.output);
  return 0;
}

int embed(const EmbedOptions& options, const Context& context) {
  check_writable(options.output);
  return options.texts_given->count() > 0 ? embed_texts(options, context)
                                          : embed_images(options, context);
}

}  // namespace

Command add_embed(CLI::App& program, const Context& context) {
  const auto options = std::make_shared<EmbedOptions>();
  CLI::App* command = program.add_subcommand("embed", "Write embeddings of images or texts");
  command->footer(kExamples);
  CLI::Option_group* inputs = command->add_option_group("Input", "one of");
  add_texts(*inputs, "--images", options->images, "PATH", "Image files and folders of them");
  options->texts_given = add_text(*inputs, "--texts", options->texts, "FILE",
                                  "Texts, one a line, UTF-8; - is standard input");
  inputs->require_option(1);
  add_text(*command, "--output", options->output, "FILE.npy", "NumPy file to write")->required();
  add_common(*command, options->common);
  return {command, [options, context] { return embed(*options, context); }};
}

}  // namespace glint::cli
