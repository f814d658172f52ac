#include <glint/model.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/image_files.h"
#include "cli/json.h"
#include "cli/labels.h"
#include "cli/options.h"
#include "cli/text_input.h"
#include "core/check.h"
#include "core/folder.h"

namespace glint::cli {
namespace {

constexpr const char* kExamples =
    R"(DIR holds one folder a class, with its images in it. The labels are the folders' names, sorted, an
underscore read as a space. Images that cannot be read are reported and not counted.

Examples:
  glint evaluate --folder imagenet/val
  glint evaluate --folder flowers --template "a photo of a {}, a type of flower." --json)";

constexpr std::int64_t kTop = 5;

struct EvaluateOptions {
  CommonOptions common;
  std::string folder;
  std::vector<std::string> templates;
  bool json = false;
};

struct LabelledImages {
  std::vector<std::string> labels;
  std::vector<std::string> files;
  std::vector<std::int64_t> classes;  // of each file: index of its label
};

LabelledImages find_images(const std::string& folder) {
  LabelledImages found;
  for (ClassFolder& of_class : class_folders(folder)) {
    found.files.insert(found.files.end(), of_class.files.begin(), of_class.files.end());
    found.classes.resize(found.files.size(), static_cast<std::int64_t>(found.labels.size()));
    found.labels.push_back(std::move(of_class.label));
  }
  if (found.files.empty()) {
    fail(ErrorCode::kInvalidArgument, "expected images in ", quote(folder + "/CLASS/"), ", got ",
         found.labels.size(), found.labels.size() == 1 ? " folder" : " folders", " and no image");
  }
  return found;
}

struct Counts {
  std::int64_t images = 0;
  std::int64_t top1 = 0;
  std::int64_t top5 = 0;

  void add(const Classification& answer, std::int64_t truth) {
    const auto rank = std::ranges::find(answer.scores, truth, &ClassScore::index);
    ++images;
    top1 += rank == answer.scores.begin() ? 1 : 0;
    top5 += rank != answer.scores.end() ? 1 : 0;
  }
  double share(std::int64_t right) const {
    return static_cast<double>(right) / static_cast<double>(images);
  }
};

void print(const Counts& counts, bool json, Console& console) {
  const double top1 = counts.share(counts.top1);
  const double top5 = counts.share(counts.top5);
  if (json) {
    console.line(to_line({{"images", counts.images}, {"top1", top1}, {"top5", top5}}));
    return;
  }
  char text[128];
  std::snprintf(text, sizeof text, "images  %lld\ntop-1   %.2f%%\ntop-5   %.2f%%\n",
                static_cast<long long>(counts.images), 100 * top1, 100 * top5);
  console.print(text);
}

int evaluate(const EvaluateOptions& options, const Context& context) {
  const LabelledImages data = find_images(options.folder);
  const Model model = load_model(options.common, context);
  for (const std::string& text : options.templates) check_utf8(text, "--template");
  const TextState text = prepare(model, {data.labels, options.templates, {}}, context);
  PredictOptions predict;
  predict.task = kClassifyTask;
  predict.top_k = kTop;
  predict.stop = context.stop;
  auto bar = context.console.bar("images");
  Counts counts;
  const auto failed =
      for_each_batch(data.files, options.common, context, [&](std::span<const NamedImage> images) {
        const std::vector<Prediction> answers = model.predict(views(images), text, predict);
        for (std::size_t i = 0; i < images.size(); ++i) {
          counts.add(classification_of(answers[i]), data.classes[images[i].position]);
        }
        bar.update(static_cast<std::int64_t>(images.back().position) + 1,
                   static_cast<std::int64_t>(data.files.size()));
      });
  if (counts.images == 0) {
    fail(ErrorCode::kInvalidArgument, "none of the images in ", quote(options.folder),
         " could be used");
  }
  print(counts, options.json, context.console);
  if (failed == 0) return 0;
  context.console.note(cat(failed, failed == 1 ? " image is" : " images are", " not counted"));
  return 1;
}

}  // namespace

Command add_evaluate(CLI::App& program, const Context& context) {
  const auto options = std::make_shared<EvaluateOptions>();
  CLI::App* command = program.add_subcommand("evaluate", "Measure accuracy on labelled images");
  command->footer(kExamples);
  add_text(*command, "--folder", options->folder, "DIR", "Images as DIR/CLASS/*.jpg")->required();
  add_templates(*command, options->templates);
  command->add_flag("--json", options->json, "One JSON object: images, top1, top5 (of 1)");
  add_common(*command, options->common);
  return {command, [options, context] { return evaluate(*options, context); }};
}

}  // namespace glint::cli
