#include <glint/index.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>

#include "cli/arguments.h"
#include "cli/cmd_index.h"
#include "cli/npy.h"
#include "cli/npy_rows.h"
#include "cli/options.h"
#include "core/check.h"

namespace glint::cli {
namespace {

constexpr const char* kExamples =
    R"(F.npy is an array [N, D] of f32 or f16, such as glint embed writes. Similarity is the dot product:
the cosine for rows of unit length. Answers are exact whatever the storage, which only decides how
much a search reads: 4 D, 2 D or D bytes a row.

Examples:
  glint index build --embeddings photos.npy --output photos.gidx
  glint index build --embeddings photos.npy --storage bf16 --output photos.gidx)";

constexpr std::int64_t kBlockBytes = 8 << 20;  // of rows in memory

struct BuildOptions {
  CommonOptions common;
  std::string embeddings;
  std::string storage = "int8";
  std::string output;
};

IndexStorage storage_of(const std::string& name) {
  for (const auto storage : {IndexStorage::kF32, IndexStorage::kBf16}) {
    if (name == to_string(storage)) return storage;
  }
  return IndexStorage::kInt8;
}

int build(const BuildOptions& options, const Context& context) {
  check_writable(options.output);
  std::error_code ignored;
  if (std::filesystem::equivalent(options.embeddings, options.output, ignored)) {
    fail(ErrorCode::kInvalidArgument,
         "expected an output beside the embeddings, got the same file ", quote(options.output));
  }
  NpyRows rows(options.embeddings);
  IndexWriter writer(output_target(options.output), rows.count(), rows.dim(),
                     storage_of(options.storage));
  const std::int64_t block = std::max<std::int64_t>(1, kBlockBytes / (4 * rows.dim()));
  auto bar = context.console.bar("rows");
  for (std::int64_t done = 0; done < rows.count();) {
    check_interrupt(context);
    const std::span<const float> some = rows.next(block);
    try {
      writer.add(some);
    } catch (const Error& error) {
      fail(error.code(), error.what(), ", in ", quote(options.embeddings));
    }
    done += static_cast<std::int64_t>(some.size()) / rows.dim();
    bar.update(done, rows.count());
  }
  check_interrupt(context);
  writer.finish();
  return 0;
}

}  // namespace

Command add_index_build(CLI::App& index, const Context& context) {
  const auto options = std::make_shared<BuildOptions>();
  CLI::App* command = index.add_subcommand("build", "Make an index of embeddings");
  command->footer(kExamples);
  add_text(*command, "--embeddings", options->embeddings, "F.npy", "NumPy file of the rows")
      ->required();
  command->add_option("--storage", options->storage, "What a search reads of each row")
      ->type_name("f32|bf16|int8")
      ->check(CLI::IsMember({"f32", "bf16", "int8"}).description(""))
      ->capture_default_str();
  add_text(*command, "--output", options->output, "F.gidx", "Index file to write")->required();
  add_common(*command, options->common);
  return {command, [options, context] { return build(*options, context); }};
}

}  // namespace glint::cli
