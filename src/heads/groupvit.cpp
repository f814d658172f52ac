#include "heads/groupvit.h"

#include <glint/preprocess.h>

#include <algorithm>
#include <iterator>

#include "core/check.h"
#include "heads/groupvit_encode.h"
#include "heads/groupvit_map.h"
#include "heads/head_needs.h"

namespace glint {
namespace {

// What encode() kept of a picture. Throws Error(kInvalidArgument) for another head's state.
GroupVitView view_of(const ImageState& image) {
  for (const char* const name : {"layout", "maps", "tokens", "means"}) {
    if (!image.tensors.contains(name)) {
      fail(ErrorCode::kInvalidArgument, "expected an image state of a head of type groupvit, got ",
           "one without ", name);
    }
  }
  const auto layout = image.tensors.at("layout").ints();
  const Tensor& maps = image.tensors.at("maps");
  GroupVitView view{.windows = {.frame = {.height = layout[0], .width = layout[1]},
                                .size = {.height = layout[2], .width = layout[3]},
                                .places = {}},
                    .groups = maps.dim(1),
                    .grid = {.height = maps.dim(2), .width = maps.dim(3)},
                    .maps = maps.floats()};
  for (std::size_t i = 4; i < layout.size(); i += 2) {
    view.windows.places.push_back({layout[i], layout[i + 1]});
  }
  return view;
}

}  // namespace

GroupVitHead::GroupVitHead(const PreprocessSpec& preprocess, std::vector<std::string> templates,
                           const GroupVitRule& rule, std::string background)
    : preprocess_(preprocess),
      templates_(std::move(templates)),
      rule_(rule),
      background_(std::move(background)) {}

TextState GroupVitHead::prepare(const TextQuery& query, const Towers& towers) const {
  check_labels(query.labels);
  const auto found = std::ranges::find(query.labels, background_);
  if (found == query.labels.end()) {
    return make_class_bank(query, templates_, towers, TemplateMean::kOfRawRows);
  }
  const auto position = found - query.labels.begin();
  TextQuery encoded = query;
  encoded.labels.erase(encoded.labels.begin() + position);
  if (encoded.labels.empty()) fail_without_labels(background_);
  ClassBank bank = make_class_bank(encoded, templates_, towers, TemplateMean::kOfRawRows);
  const std::int64_t dim = bank.rows.dim(1);
  std::vector<float> rows(bank.rows.floats().begin(), bank.rows.floats().end());
  rows.insert(rows.begin() + position * dim, static_cast<std::size_t>(dim), 0.0F);
  bank.rows = Tensor::from({std::ssize(query.labels), dim}, rows);
  bank.labels = query.labels;
  return bank;
}

std::vector<ImageState> GroupVitHead::encode(std::span<const ImageView> images,
                                             const Towers& towers,
                                             const PredictOptions& options) const {
  std::vector<GroupVitWindows> all;
  std::int64_t total = 0;
  for (const ImageView& image : images) {
    const PlaneSize frame = scaled_frame(rule_, image.width, image.height);
    all.push_back(windows_of(rule_, frame, options.protocol));
    total += std::ssize(all.back().places);
  }
  GroupVitEncoder encoder(towers, options, rule_.patch, total);
  for (std::size_t i = 0; i < images.size(); ++i) {
    check_stop(options.stop);
    PreprocessSpec spec = preprocess_;
    spec.height = all[i].frame.height;
    spec.width = all[i].frame.width;
    encoder.add(Preprocessor(spec)(images[i]), all[i]);
  }
  std::vector<ImageState> states = encoder.finish();
  for (std::size_t i = 0; i < images.size(); ++i) {
    states[i].width = images[i].width;
    states[i].height = images[i].height;
  }
  return states;
}

std::vector<ImageState> GroupVitHead::encode_pixels(const Tensor& pixels, const Towers& towers,
                                                    const PredictOptions& options) const {
  const auto shape = pixels.empty() ? std::span<const std::int64_t>{} : pixels.shape();
  if (shape.size() != 4 || shape[1] != 3) {
    fail(ErrorCode::kInvalidArgument, "expected pixels [B, 3, H, W], got ", shape_text(shape));
  }
  const GroupVitWindows windows =
      windows_of(rule_, {.height = shape[2], .width = shape[3]}, options.protocol);
  const Tensor frames = pixels.cpu();
  const auto size = static_cast<std::size_t>(3 * shape[2] * shape[3]);
  GroupVitEncoder encoder(towers, options, rule_.patch, shape[0] * std::ssize(windows.places));
  for (std::size_t i = 0; i < static_cast<std::size_t>(shape[0]); ++i) {
    encoder.add(frames.floats().subspan(i * size, size), windows);
  }
  return encoder.finish();
}

Prediction GroupVitHead::predict(const ImageState& image, const TextState& text,
                                 const Towers& towers, const PredictOptions& options) const {
  const Manifest& manifest = towers.manifest();
  const ClassBank& bank = class_bank_of(text, manifest.embed_dim);
  const GroupVitWords words = words_of(bank, background_);
  const GroupVitView view = view_of(image);
  const auto dim = static_cast<std::size_t>(manifest.embed_dim);
  const auto tokens = image.tensors.at("tokens").floats();
  const auto means = image.tensors.at("means").floats();
  const std::size_t of_window = static_cast<std::size_t>(view.groups) * dim;
  std::vector<GroupClasses> classes;
  for (std::size_t w = 0; w < view.windows.places.size(); ++w) {
    check_stop(options.stop);
    std::ranges::move(
        classes_of_groups(tokens.subspan(w * of_window, of_window), means.subspan(w * dim, dim),
                          words, manifest.logit.scale, rule_),
        std::back_inserter(classes));
  }
  Segmentation answer;
  answer.width = image.width > 0 ? image.width : view.windows.frame.width;
  answer.height = image.height > 0 ? image.height : view.windows.frame.height;
  answer.labels = bank.labels;
  draw_labels(view, classes, options.stop, options.scores, answer);
  return answer;
}

std::shared_ptr<const Head> make_groupvit(const HeadContext& context) {
  need_to_be_first(context);
  const HeadSpec& spec = context.spec;
  need_parameters(spec, {"short_side", "long_side", "crop_size", "stride", "top_classes",
                         "background", "background_threshold", "patch"});
  need_tensors(context, {});
  need_method(context, "image", "groups", {{"pixels", 4}},
              {{"embedding", 2}, {"tokens", 3}, {"assignment_0", 3}, {"assignment_1", 3}});
  GroupVitRule rule;
  rule.patch = need_integer(spec, "patch", 1, kMaxTargetSide);
  rule.short_side = need_integer(spec, "short_side", rule.patch, kMaxTargetSide);
  rule.long_side = need_integer(spec, "long_side", rule.short_side, kMaxTargetSide);
  rule.crop_size = need_integer(spec, "crop_size", rule.patch, kMaxTargetSide);
  rule.stride = need_integer(spec, "stride", 1, rule.crop_size);
  rule.top_classes = need_integer(spec, "top_classes", 1, 1'000'000);
  rule.background_threshold =
      static_cast<float>(need_number(spec, "background_threshold", "from 0 to 1",
                                     [](double value) { return value >= 0 && value <= 1; }));
  const PreprocessSpec& preprocess =
      context.package.manifest().preprocess.find(context.task.preprocess)->second;
  if (preprocess.geometry != Geometry::kSquash) {
    fail(ErrorCode::kCorruptPackage, "expected a preprocess of geometry squash, whose size a head ",
         "of type groupvit chooses, got another");
  }
  return std::make_shared<const GroupVitHead>(preprocess, spec.templates, rule,
                                              need_string(spec, "background"));
}

}  // namespace glint
