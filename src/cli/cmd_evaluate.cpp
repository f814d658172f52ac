#include <glint/model.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/evaluate_maps.h"
#include "cli/image_files.h"
#include "cli/json.h"
#include "cli/labels.h"
#include "cli/options.h"
#include "core/check.h"
#include "core/folder.h"

namespace glint::cli {
namespace {

constexpr const char* kExamples =
    R"(DIR holds one folder a class, with its images in it. The labels are the folders' names, sorted, an
underscore read as a space; --labels takes some of them only, and chooses among these. Images that
cannot be read are reported and not counted.

With --segmentation, DIR holds the images themselves, and MAPS a PNG NAME.png of each image NAME.jpg:
its values are indices of the labels (--labels, --labels-file or the package's), 255 (65535 of 16
bits) stands for no label and is not counted.

Examples:
  glint evaluate --folder imagenet/val
  glint evaluate --folder flowers --template "a photo of a {}, a type of flower." --json
  glint evaluate --folder pets/val --model my-pets.glint --labels "cat, dog" --per-class
  glint evaluate --folder voc/images --segmentation voc/maps --model seg.glint --labels-file voc.txt)";

constexpr std::int64_t kTop = 5;

struct EvaluateOptions {
  CommonOptions common;
  std::string folder;
  std::string maps;  // "": folders of classes
  std::string protocol = "official";
  LabelOptions words;
  bool per_class = false;
  bool json = false;
};

struct LabelledImages {
  std::vector<std::string> labels;
  std::vector<std::string> files;
  std::vector<std::int64_t> classes;  // of each file: index of its label
};

// wanted: labels, each of which has a folder; none: all that have one.
LabelledImages find_images(const std::string& folder, const std::vector<std::string>& wanted) {
  LabelledImages found;
  for (ClassFolder& of_class : class_folders(folder)) {
    if (!wanted.empty() && std::ranges::find(wanted, of_class.label) == wanted.end()) continue;
    found.files.insert(found.files.end(), of_class.files.begin(), of_class.files.end());
    found.classes.resize(found.files.size(), static_cast<std::int64_t>(found.labels.size()));
    found.labels.push_back(std::move(of_class.label));
  }
  for (const std::string& label : wanted) {
    if (std::ranges::find(found.labels, label) == found.labels.end()) {
      fail(ErrorCode::kInvalidArgument, "expected a folder in ", quote(folder), " for label ",
           quote(label), ", got none");
    }
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
  Json json() const {
    if (images == 0) return {{"images", 0}, {"top1", nullptr}, {"top5", nullptr}};
    return {{"images", images}, {"top1", share(top1)}, {"top5", share(top5)}};
  }
};

// All images, and those of each class.
struct Tally {
  explicit Tally(const std::vector<std::string>& names) : labels(names), classes(names.size()) {}

  void add(const Classification& answer, std::int64_t truth) {
    all.add(answer, truth);
    classes[static_cast<std::size_t>(truth)].add(answer, truth);
  }

  const std::vector<std::string>& labels;
  Counts all;
  std::vector<Counts> classes;
};

void print_json(const Tally& tally, bool per_class, Console& console) {
  Json answer = tally.all.json();
  if (per_class) {
    answer["classes"] = Json::array();
    for (std::size_t i = 0; i < tally.labels.size(); ++i) {
      Json one = {{"label", tally.labels[i]}};
      one.update(tally.classes[i].json());
      answer["classes"].push_back(std::move(one));
    }
  }
  console.line(to_line(answer));
}

void print_table(const Tally& tally, bool per_class, Console& console) {
  char text[128];
  std::snprintf(text, sizeof text, "images  %lld\ntop-1   %.2f%%\ntop-5   %.2f%%\n",
                static_cast<long long>(tally.all.images), 100 * tally.all.share(tally.all.top1),
                100 * tally.all.share(tally.all.top5));
  console.print(text);
  for (std::size_t i = 0; per_class && i < tally.labels.size(); ++i) {
    const Counts& one = tally.classes[i];
    std::snprintf(text, sizeof text, "%7.2f%%  of %lld  ",
                  one.images == 0 ? 0.0 : 100 * one.share(one.top1),
                  static_cast<long long>(one.images));
    console.line(text + printable(tally.labels[i]));
  }
}

int evaluate(const EvaluateOptions& options, const Context& context) {
  const Words words = read_words(options.words, context.stop);
  if (!options.maps.empty()) {
    return evaluate_maps({.common = options.common,
                          .folder = options.folder,
                          .maps = options.maps,
                          .official = options.protocol == "official",
                          .per_class = options.per_class,
                          .json = options.json},
                         words, context);
  }
  const LabelledImages data = find_images(options.folder, words.labels);
  const Model model = load_model(options.common, context);
  const TextState text = prepare(model, {data.labels, words.templates, {}}, context);
  PredictOptions predict;
  predict.task = kClassifyTask;
  predict.top_k = kTop;
  predict.stop = context.stop;
  auto bar = context.console.bar("images");
  Tally tally(data.labels);
  const auto failed =
      for_each_batch(data.files, options.common, context, [&](std::span<const NamedImage> images) {
        const std::vector<Prediction> answers = model.predict(views(images), text, predict);
        for (std::size_t i = 0; i < images.size(); ++i) {
          tally.add(classification_of(answers[i]), data.classes[images[i].position]);
        }
        bar.update(static_cast<std::int64_t>(images.back().position) + 1,
                   static_cast<std::int64_t>(data.files.size()));
      });
  if (tally.all.images == 0) {
    fail(ErrorCode::kInvalidArgument, "none of the images in ", quote(options.folder),
         " could be used");
  }
  const auto print = options.json ? print_json : print_table;
  print(tally, options.per_class, context.console);
  if (failed == 0) return 0;
  context.console.note(cat(failed, failed == 1 ? " image is" : " images are", " not counted"));
  return 1;
}

}  // namespace

Command add_evaluate(CLI::App& program, const Context& context) {
  const auto options = std::make_shared<EvaluateOptions>();
  CLI::App* command = program.add_subcommand("evaluate", "Measure accuracy on labelled images");
  command->footer(kExamples);
  add_text(*command, "--folder", options->folder, "DIR",
           "Images as DIR/CLASS/*.jpg; with --segmentation as DIR/*.jpg")
      ->required();
  CLI::Option* const maps = add_text(*command, "--segmentation", options->maps, "MAPS",
                                     "Label maps as MAPS/*.png: pixel accuracy and mIoU");
  command
      ->add_option("--protocol", options->protocol,
                   "official: as the reference evaluates; single: each image once, as a whole")
      ->check(CLI::IsMember({"single", "official"}))
      ->capture_default_str()
      ->needs(maps);
  add_labels(*command, options->words, BankFlag::kNo);
  command->add_flag("--per-class", options->per_class, "Also top-1, or IoU, of each class");
  command->add_flag("--json", options->json,
                    "One JSON object: images, top1, top5; or pixel_accuracy, miou (of 1)");
  add_common(*command, options->common);
  return {command, [options, context] { return evaluate(*options, context); }};
}

}  // namespace glint::cli
