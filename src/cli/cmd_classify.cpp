#include <glint/model.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/image_files.h"
#include "cli/json.h"
#include "cli/labels.h"
#include "cli/options.h"

namespace glint::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  glint classify cat.jpg --labels "cat,dog,horse"
  glint classify *.jpg --labels-file animals.txt --top-k 1
  glint classify cat.jpg --labels "cat,dog" --template "a sketch of a {}." --json
  glint classify *.jpg --bank animals.safetensors
  curl -s https://example.org/cat.jpg | glint classify - --labels "cat,dog")";

constexpr int kBarCells = 20;

struct ClassifyOptions {
  CommonOptions common;
  LabelOptions labels;
  std::vector<std::string> images;
  std::int64_t top_k = 5;
  bool json = false;
};

void print_json(const std::string& path, const Classification& answer, Console& console) {
  Json predictions = Json::array();
  for (const ClassScore& score : answer.scores) {
    predictions.push_back({{"label", score.label},
                           {"index", score.index},
                           {"probability", shortest(score.probability)},
                           {"logit", shortest(score.logit)}});
  }
  console.line(to_line({{"image", path}, {"predictions", std::move(predictions)}}));
}

void print_text(const std::string& path, const Classification& answer, Console& console) {
  console.line(printable(path));
  for (const ClassScore& score : answer.scores) {
    char percent[16];
    std::snprintf(percent, sizeof percent, "  %6.2f%%  ", 100.0 * score.probability);
    console.print(percent);
    if (console.stdout_is_terminal()) {
      console.print(block_bar(score.probability, kBarCells) + "  ");
    }
    console.line(printable(score.label));
  }
}

int classify(const ClassifyOptions& options, const Context& context) {
  const Words words = read_words(options.labels, context.stop);
  const Model model = load_model(options.common, context);
  const TextState text = prepare(model, words, context);
  PredictOptions predict;
  predict.task = kClassifyTask;
  predict.top_k = options.top_k;
  predict.stop = context.stop;
  const auto print = options.json ? print_json : print_text;
  const auto failed = for_each_batch(
      options.images, options.common, context, [&](std::span<const NamedImage> images) {
        const std::vector<Prediction> answers = model.predict(views(images), text, predict);
        for (std::size_t i = 0; i < images.size(); ++i) {
          print(options.images[images[i].position], classification_of(answers[i]), context.console);
        }
        context.console.flush();
      });
  return failed == 0 ? 0 : 1;
}

}  // namespace

Command add_classify(CLI::App& program, const Context& context) {
  const auto options = std::make_shared<ClassifyOptions>();
  CLI::App* command = program.add_subcommand("classify", "Say which label fits an image best");
  command->footer(kExamples);
  add_texts(*command, "images", options->images, "IMAGE",
            "JPEG, PNG, WebP or BMP files; - is standard input")
      ->required();
  add_labels(*command, options->labels);
  command->add_option("--top-k", options->top_k, "Labels to list (0: all)")
      ->type_name("N")
      ->check(CLI::Range(0, 1'000'000'000).description(""))
      ->capture_default_str();
  command->add_flag("--json", options->json, "One JSON object a line");
  add_common(*command, options->common);
  return {command, [options, context] { return classify(*options, context); }};
}

}  // namespace glint::cli
