#include <glint/model.h>
#include <glint/segmentation.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <numeric>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/image_files.h"
#include "cli/json.h"
#include "cli/labels.h"
#include "cli/options.h"
#include "cli/segment_files.h"
#include "core/file.h"

namespace glint::cli {
namespace {

constexpr const char* kExamples =
    R"(With several images, --output and --map name folders, in which each gets NAME.png. The label
"background" is not coloured. JSON: {"image", "labels", "fractions"}, and with --rle also "rle":
{"size": [height, width], "counts": [[label, pixels], ...]}, row by row from the upper left; -1 is no
label.

Examples:
  glint segment street.jpg --model lseg.glint --labels "road,car,other" --output overlay.png
  glint segment *.jpg --model lseg.glint --labels-file ade20k.txt --map maps --json
  glint segment cat.jpg --model groupvit.glint --labels "background,cat" --protocol official)";

constexpr int kBarCells = 20;

struct SegmentOptions {
  CommonOptions common;
  LabelOptions labels;
  std::vector<std::string> images;
  std::string output;
  std::string map;
  std::string protocol = "single";
  bool rle = false;
  bool json = false;
};

Json rle_of(const Segmentation& answer) {
  Json counts = Json::array();
  for (const LabelRun& run : label_runs(answer)) counts.push_back({run.label, run.length});
  return {{"size", {answer.height, answer.width}}, {"counts", std::move(counts)}};
}

void print_json(const std::string& path, const Segmentation& answer, bool rle, Console& console) {
  Json line = {{"image", path}, {"labels", answer.labels}, {"fractions", label_fractions(answer)}};
  if (rle) line["rle"] = rle_of(answer);
  console.line(to_line(line));
}

// The labels that occur, by descending share.
void print_text(const std::string& path, const Segmentation& answer, Console& console) {
  console.line(printable(path));
  const std::vector<double> fractions = label_fractions(answer);
  std::vector<std::size_t> order(fractions.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t k) { return fractions[k]; });
  for (const std::size_t k : order) {
    if (fractions[k] == 0) break;
    char percent[16];
    std::snprintf(percent, sizeof percent, "  %6.2f%%  ", 100.0 * fractions[k]);
    console.print(percent);
    if (console.stdout_is_terminal()) console.print(block_bar(fractions[k], kBarCells) + "  ");
    console.line(printable(answer.labels[k]));
  }
}

// Some heads look at their windows when they encode, some when they predict.
Prediction predict_with_bar(const Model& model, const Image& image, const TextState& text,
                            PredictOptions options, Console& console) {
  auto bar = console.bar("windows");
  if (options.protocol == Protocol::kOfficial) {
    options.progress = [&](std::int64_t done, std::int64_t total) { bar.update(done, total); };
  }
  return model.predict(model.encode(image, options), text, options);
}

int segment(const SegmentOptions& options, const Context& context) {
  const Words words = read_words(options.labels, context.stop);
  const std::vector<std::string> outputs = png_paths(options.output, options.images);
  const std::vector<std::string> maps = png_paths(options.map, options.images);
  const Model model = load_model(options.common, context);
  const TextState text = prepare(model, words, context, kSegmentTask);
  PredictOptions predict;
  predict.task = kSegmentTask;
  predict.protocol = options.protocol == "official" ? Protocol::kOfficial : Protocol::kSingle;
  predict.stop = context.stop;
  CommonOptions one_by_one = options.common;
  one_by_one.batch_size = 1;
  const auto failed =
      for_each_batch(options.images, one_by_one, context, [&](std::span<const NamedImage> images) {
        const auto& [position, image] = images.front();
        const Prediction prediction =
            predict_with_bar(model, image, text, predict, context.console);
        const Segmentation& answer = segmentation_of(prediction);
        if (!outputs.empty()) {
          write_file_atomically(outputs[position], encode_png(overlay(image, answer)));
        }
        if (!maps.empty()) write_file_atomically(maps[position], encode_label_map(answer));
        const std::string& path = options.images[position];
        if (options.json) {
          print_json(path, answer, options.rle, context.console);
        } else {
          print_text(path, answer, context.console);
        }
        context.console.flush();
      });
  return failed == 0 ? 0 : 1;
}

}  // namespace

Command add_segment(CLI::App& program, const Context& context) {
  const auto options = std::make_shared<SegmentOptions>();
  CLI::App* command =
      program.add_subcommand("segment", "Say which label each pixel of an image has");
  command->footer(kExamples);
  add_texts(*command, "images", options->images, "IMAGE",
            "JPEG, PNG, WebP or BMP files; - is standard input")
      ->required();
  add_labels(*command, options->labels);
  add_text(*command, "--output", options->output, "PNG",
           "Draw the labels over the image, with a legend");
  add_text(*command, "--map", options->map, "PNG",
           "Write a grey image whose values are positions in the list of labels");
  command->add_option("--protocol", options->protocol, "Look once, or as the reference evaluates")
      ->check(CLI::IsMember({"single", "official"}))
      ->capture_default_str();
  CLI::Option* const json = command->add_flag("--json", options->json, "One JSON object a line");
  command->add_flag("--rle", options->rle, "Also the map, as run lengths")->needs(json);
  add_common(*command, options->common);
  return {command, [options, context] { return segment(*options, context); }};
}

}  // namespace glint::cli
