#include <glint/error.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.h"
#include "cli/bench_shapes.h"
#include "cli/bench_table.h"
#include "cli/bench_works.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/stopwatch.h"
#include "core/check.h"

namespace glint::cli {
namespace {

constexpr const char* kExamples =
    R"(encode-image and encode-text time the towers alone (texts of ten ids), classify everything
from a decoded picture of 500 x 375 to the labels, preprocess the same picture, tokenize short
prompts, search the ten best of 100,000 rows of 512 numbers, load the package from the file cache.
One call does it for B pictures, texts or queries (--batch-size); a time is that of one call.
new-shape, which is not of all, times the first call with 1, 2, 3, 5 and 8 pictures and with B texts
of 5 to 20 ids, and beside each the next calls of that shape, as many as --rounds; a tower is cold
when it had no call at all before.

Examples:
  glint bench all
  glint bench encode-image --batch-size 8 --model clip-vit-b-32.glint
  glint bench classify --threads 1 --rounds 50 --json
  glint bench new-shape --rounds 3)";

constexpr const char* kAll = "all";
constexpr const char* kNewShape = "new-shape";  // needs a fresh model, and has a table of its own
constexpr std::array<std::size_t, 9> kWidths = {13, 12, 12, 12, 22, 12, 12, 12, 12};

struct BenchOptions {
  CommonOptions common;
  std::string what;
  std::int64_t rounds = 15;
  bool json = false;
};

double per_second(const Work& work, const Timing& timing) {
  return static_cast<double>(work.items) / timing.median;
}

Json to_json(std::string_view what, const Work& work, const Timing& timing) {
  return {{"what", what},
          {"median_ms", 1e3 * timing.median},
          {"min_ms", 1e3 * timing.min},
          {"items_per_s", per_second(work, timing)},
          {"threads", work.threads},
          {"precision", work.precision},
          {"device", work.device}};
}

std::string to_table(std::string_view what, const Work& work, const Timing& timing) {
  return table_line(
      {std::string(what), cat(work.items), number(1e3 * timing.median), number(1e3 * timing.min),
       number(1e3 * timing.p10) + " - " + number(1e3 * timing.p90),
       number(per_second(work, timing)), cat(work.threads), work.precision, work.device},
      kWidths);
}

const std::string kHeader = table_line({"what", "items", "median ms", "min ms", "p10 - p90 ms",
                                        "items/s", "threads", "precision", "device"},
                                       kWidths);

std::vector<std::string_view> names_of(const std::string& what) {
  if (what == kAll) return {BenchWorks::kNames.begin(), BenchWorks::kNames.end()};
  return {what};
}

int bench(const BenchOptions& options, const Context& context) {
  BenchWorks works(options.common, context);
  if (options.what == kNewShape) {
    bench_new_shapes(works, options.rounds, options.json, context);
    return 0;
  }
  const auto names = names_of(options.what);
  const auto total = static_cast<std::int64_t>(names.size()) * options.rounds;
  auto bar = context.console.bar("rounds");
  bool header = !options.json;
  std::int64_t before = 0;
  for (const std::string_view name : names) {
    check_interrupt(context);
    try {
      const Work work = works.make(name);
      const Timing timing = time_rounds(work.call, options.rounds, [&](std::int64_t done) {
        check_interrupt(context);
        bar.update(before + done, total);
      });
      if (std::exchange(header, false)) context.console.line(kHeader);
      context.console.line(options.json ? to_line(to_json(name, work, timing))
                                        : to_table(name, work, timing));
      context.console.flush();
    } catch (const Error& error) {
      // A package need not have every tower; of all works, those it has are timed.
      if (error.code() != ErrorCode::kUnsupported || options.what != kAll) throw;
      context.console.note(cat("left out ", name, ": ", error.what()));
    }
    before += options.rounds;
  }
  return 0;
}

std::vector<std::string> choices() {
  std::vector<std::string> all(BenchWorks::kNames.begin(), BenchWorks::kNames.end());
  all.insert(all.end(), {kNewShape, kAll});
  return all;
}

}  // namespace

Command add_bench(CLI::App& program, const Context& context) {
  const auto options = std::make_shared<BenchOptions>();
  options->common.batch_size = 1;
  CLI::App* command =
      program.add_subcommand("bench", "Time the parts of a package on this machine");
  command->footer(kExamples);
  std::string names;
  for (const std::string& name : choices()) names += (names.empty() ? "" : "|") + name;
  add_text(*command, "what", options->what, "WHAT", names)
      ->required()
      ->check(CLI::IsMember(choices()).description(""));
  command->add_option("--rounds", options->rounds, "Times to measure; the median counts")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000).description(""))
      ->capture_default_str();
  command->add_flag("--json", options->json, "One JSON object a work and line");
  add_common(*command, options->common);
  return {command, [options, context] { return bench(*options, context); }};
}

}  // namespace glint::cli
