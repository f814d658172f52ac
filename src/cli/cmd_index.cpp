#include "cli/cmd_index.h"

namespace glint::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  glint index build --embeddings photos.npy --output photos.gidx
  glint index search photos.gidx --text "a dog on a beach" --model clip-vit-b-32.glint)";

}  // namespace

Command add_index(CLI::App& program, const Context& context) {
  CLI::App* command =
      program.add_subcommand("index", "Find the nearest of many embeddings, exactly");
  command->footer(kExamples);
  command->require_subcommand(1);
  const Command build = add_index_build(*command, context);
  const Command search = add_index_search(*command, context);
  return {command, [build, search] { return build.app->parsed() ? build.run() : search.run(); }};
}

}  // namespace glint::cli
