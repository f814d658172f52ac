#include "cli/evaluate_maps.h"

#include <glint/segmentation.h>

#include <cmath>
#include <cstdio>
#include <filesystem>

#include "cli/image_files.h"
#include "cli/json.h"
#include "core/check.h"
#include "core/file.h"
#include "core/folder.h"

namespace glint::cli {
namespace {

constexpr std::int64_t kMaxMapBytes = std::int64_t{1} << 30;

// The true labels of the picture that `answer` is about.
std::vector<std::int32_t> true_map(const std::string& path, const Segmentation& answer) {
  try {
    LabelMap truth = decode_label_map(read_file(path, kMaxMapBytes));
    if (truth.width != answer.width || truth.height != answer.height) {
      fail(ErrorCode::kInvalidArgument, "expected a map of the image's size, ", answer.width, " x ",
           answer.height, ", got ", truth.width, " x ", truth.height);
    }
    return std::move(truth.map);
  } catch (const Error& error) {
    fail(error.code(), "label map ", quote(path), ": ", error.what());
  }
}

// MAPS/NAME.png for DIR/NAME.jpg
std::string map_path(const std::string& folder, const std::string& image) {
  return (std::filesystem::path(folder) / std::filesystem::path(image).stem()).string() + ".png";
}

Json number_or_null(double value) { return std::isnan(value) ? Json(nullptr) : Json(value); }

std::string percent(double share) {
  if (std::isnan(share)) return "none";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f%%", 100 * share);
  return text;
}

void print_json(const SegmentationScores& scores, const std::vector<std::string>& labels,
                bool per_class, Console& console) {
  Json answer = {{"pixel_accuracy", number_or_null(scores.pixel_accuracy())},
                 {"miou", number_or_null(scores.mean_iou())}};
  for (std::size_t k = 0; per_class && k < labels.size(); ++k) {
    const auto label = static_cast<std::int64_t>(k);
    answer["classes"].push_back({{"label", labels[k]},
                                 {"iou", number_or_null(scores.iou(label))},
                                 {"pixels", scores.pixels(label)}});
  }
  console.line(to_line(answer));
}

void print_table(const SegmentationScores& scores, const std::vector<std::string>& labels,
                 std::int64_t images, Console& console) {
  console.line(cat("images          ", images));
  console.line(cat("pixel accuracy  ", percent(scores.pixel_accuracy())));
  console.line(cat("mIoU            ", percent(scores.mean_iou())));
  for (std::size_t k = 0; k < labels.size(); ++k) {
    const auto label = static_cast<std::int64_t>(k);
    char text[64];
    std::snprintf(text, sizeof text, "%8s  of %12lld pixels  ", percent(scores.iou(label)).c_str(),
                  static_cast<long long>(scores.pixels(label)));
    console.line(text + printable(labels[k]));
  }
}

const std::vector<std::string>& labels_of(const TextState& text) {
  return std::visit(
      [](const auto& state) -> const std::vector<std::string>& { return state.labels; }, text);
}

}  // namespace

int evaluate_maps(const MapsOptions& options, const Words& words, const Context& context) {
  const std::vector<std::string> files = image_files(options.folder);
  if (files.empty()) {
    fail(ErrorCode::kInvalidArgument, "expected images in ", quote(options.folder), ", got none");
  }
  const Model model = load_model(options.common, context);
  const TextState text = prepare(model, words, context, kSegmentTask);
  const std::vector<std::string>& labels = labels_of(text);
  PredictOptions predict;
  predict.task = kSegmentTask;
  predict.protocol = options.official ? Protocol::kOfficial : Protocol::kSingle;
  predict.stop = context.stop;
  auto bar = context.console.bar("images");
  SegmentationScores scores(std::ssize(labels));
  std::int64_t counted = 0;
  const auto failed =
      for_each_batch(files, options.common, context, [&](std::span<const NamedImage> images) {
        const std::vector<Prediction> answers = model.predict(views(images), text, predict);
        SegmentationScores with_batch = scores;  // counts all of it or nothing
        for (std::size_t i = 0; i < images.size(); ++i) {
          const Segmentation& answer = segmentation_of(answers[i]);
          const std::string path = map_path(options.maps, files[images[i].position]);
          const auto truth = true_map(path, answer);
          try {
            with_batch.add(truth, answer.map);
          } catch (const Error& error) {
            fail(error.code(), "label map ", quote(path), ": ", error.what());
          }
        }
        scores = std::move(with_batch);
        counted += std::ssize(images);
        bar.update(static_cast<std::int64_t>(images.back().position) + 1, std::ssize(files));
      });
  if (counted == 0) {
    fail(ErrorCode::kInvalidArgument, "none of the images in ", quote(options.folder),
         " could be used");
  }
  if (options.json) {
    print_json(scores, labels, options.per_class, context.console);
  } else {
    print_table(scores, labels, counted, context.console);
  }
  if (failed == 0) return 0;
  context.console.note(cat(failed, failed == 1 ? " image is" : " images are", " not counted"));
  return 1;
}

}  // namespace glint::cli
