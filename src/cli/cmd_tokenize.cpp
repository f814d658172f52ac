#include <glint/package.h>
#include <glint/tokenizer.h>

#include <memory>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/text_input.h"
#include "core/check.h"

namespace glint::cli {
namespace {

constexpr const char* kExamples =
    R"(Prints one JSON array of ids a line, start and end included, without padding.

Examples:
  glint tokenize "a photo of a cat"
  glint tokenize - < captions.txt
  glint tokenize -- "--not a flag")";

struct TokenizeOptions {
  CommonOptions common;
  std::vector<std::string> texts;
};

Tokenizer open_tokenizer(const Package& package) {
  const Manifest& manifest = package.manifest();
  if (!manifest.tokenizer) {
    fail(ErrorCode::kUnsupported, "package ", quote(manifest.name), " has no text tower");
  }
  return Tokenizer::clip_bpe(*manifest.tokenizer, package.file(manifest.merges_file));
}

int tokenize(const TokenizeOptions& options, const Context& context) {
  for (const std::string& text : options.texts) check_utf8(text, "TEXT");
  // Ids need no tower, so none is loaded.
  const auto package = Package::open(package_path(options.common, context.console));
  const Tokenizer tokenizer = open_tokenizer(package);
  const bool from_stdin =
      options.texts.empty() || (options.texts.size() == 1 && options.texts.front() == "-");
  for (const std::string& text : from_stdin ? read_lines("-", context.stop) : options.texts) {
    check_interrupt(context);
    context.console.line(to_line(tokenizer.encode(text)));
  }
  return 0;
}

}  // namespace

Command add_tokenize(CLI::App& program, const Context& context) {
  const auto options = std::make_shared<TokenizeOptions>();
  CLI::App* command = program.add_subcommand("tokenize", "Print the token ids of texts");
  command->footer(kExamples);
  add_texts(*command, "texts", options->texts, "TEXT",
            "Texts; - or none: lines of standard input, UTF-8");
  add_common(*command, options->common);
  return {command, [options, context] { return tokenize(*options, context); }};
}

}  // namespace glint::cli
