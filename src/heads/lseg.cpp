#include "heads/lseg.h"

#include <glint/preprocess.h>

#include <algorithm>
#include <cmath>
#include <locale>
#include <sstream>

#include "core/check.h"
#include "heads/head_needs.h"
#include "heads/lseg_draw.h"
#include "heads/lseg_windows.h"

namespace glint {
namespace {

constexpr std::int64_t kKeptNumbers = std::int64_t{256 << 20} / 4;  // of maps, by one encode()

bool is_legal(const LsegRule& rule, std::int64_t side) {
  return side >= rule.size_multiple && side % rule.size_multiple == 0;
}

// The answer for a map: with the sums of logits when they are asked for, else without storing any.
void answer_map(const LsegView& view, const PredictOptions& options, Segmentation& answer) {
  const MapTaps rows = resized_taps(view.map.height, answer.height);
  const MapTaps columns = resized_taps(view.map.width, answer.width);
  if (!options.scores) {
    draw_labels(view, rows, columns, options.stop, answer.map);
    return;
  }
  answer.scores.resize(answer.map.size() * answer.labels.size());
  add_logits(view, rows, columns, options.stop, [&](std::int64_t label, std::int64_t row) {
    return answer.scores.data() + (label * answer.height + row) * answer.width;
  });
  keep_largest(answer.scores, answer.map);
}

// "0.5,0.75,1"
std::vector<double> need_scales(const HeadSpec& spec, std::int64_t base_size) {
  const std::string text = need_string(spec, "scales");
  std::vector<double> scales;
  std::istringstream in(text);
  in.imbue(std::locale::classic());
  for (std::string one; std::getline(in, one, ',');) {
    std::istringstream number(one);
    number.imbue(std::locale::classic());
    double scale = 0;
    const bool read = static_cast<bool>(number >> scale) && (number >> std::ws).eof();
    if (!read || !(scale > 0) || scale * static_cast<double>(base_size) > kMaxTargetSide) {
      scales.clear();
      break;
    }
    scales.push_back(scale);
  }
  if (scales.empty() || text.ends_with(',') || scales.size() > 64) {
    fail(ErrorCode::kCorruptPackage, "parameters.scales: expected up to 64 positive numbers ",
         "separated by commas, with sides of at most ", kMaxTargetSide, " pixels, got ",
         quote(text));
  }
  return scales;
}

LsegRule need_rule(const HeadSpec& spec) {
  LsegRule rule;
  rule.size_multiple = need_integer(spec, "size_multiple", 2, kMaxTargetSide);
  rule.base_size = need_integer(spec, "base_size", 1, kMaxTargetSide);
  rule.crop_size = need_integer(spec, "crop_size", rule.size_multiple, kMaxTargetSide);
  rule.single_size = need_integer(spec, "single_size", rule.size_multiple,
                                  kMaxTargetSide - kMaxTargetSide % rule.size_multiple);
  rule.stride = need_integer(spec, "stride", 1, rule.crop_size);
  rule.scales = need_scales(spec, rule.base_size);
  rule.flip = need_flag(spec, "flip");
  rule.pad = static_cast<float>(need_number(spec, "pad", "that is finite",
                                            [](double value) { return std::isfinite(value); }));
  if (!is_legal(rule, rule.crop_size)) {
    fail(ErrorCode::kCorruptPackage, "parameters.crop_size: expected a multiple of size_multiple, ",
         rule.size_multiple, ", got ", rule.crop_size);
  }
  return rule;
}

LsegBlock need_block(const HeadContext& context) {
  const HeadSpec& spec = context.spec;
  LsegBlock block;
  block.kind = static_cast<LsegBlock::Kind>(need_integer(spec, "arch_option", 0, 2));
  block.activation = static_cast<LsegBlock::Activation>(
      need_choice(spec, "activation", {"relu", "lrelu", "tanh"}));
  const std::int64_t depth = need_integer(spec, "block_depth", 0, 64);
  if (block.kind == LsegBlock::Kind::kNone) {
    need_tensors(context, {});
    return block;
  }
  // The official loop applies it once more than block_depth - 1 times.
  block.depth = std::max<std::int64_t>(1, depth);
  const NamedTensors tensors = need_tensors(context, {"block.weight", "block.bias"});
  need_shape(tensors, "block.weight", DType::kF32, {1, 1, 3, 3});
  need_shape(tensors, "block.bias", DType::kF32, {1});
  std::ranges::copy(tensors.at("block.weight").floats(), block.weight.begin());
  block.bias = tensors.at("block.bias").floats()[0];
  return block;
}

}  // namespace

LsegHead::LsegHead(const PreprocessSpec& preprocess, std::vector<std::string> templates,
                   const LsegRule& rule, const LsegBlock& block)
    : preprocess_(preprocess), templates_(std::move(templates)), rule_(rule), block_(block) {}

TextState LsegHead::prepare(const TextQuery& query, const Towers& towers) const {
  return make_class_bank(query, templates_, towers);
}

Tensor LsegHead::map_of(const ImageView& image, PlaneSize frame, const Towers& towers) const {
  PreprocessSpec spec = preprocess_;
  spec.height = frame.height;
  spec.width = frame.width;
  const auto pixels = Preprocessor(spec)(image);
  const Tensor maps = maps_of(Tensor::from({1, 3, frame.height, frame.width}, pixels), towers);
  return maps.reshape({maps.dim(1), maps.dim(2), maps.dim(3)});
}

std::vector<ImageState> LsegHead::encode(std::span<const ImageView> images, const Towers& towers,
                                         const PredictOptions& options) const {
  std::int64_t numbers = 0;
  for (const ImageView& image : images) {
    const PlaneSize frame = single_frame(rule_, image.width, image.height);
    numbers += towers.manifest().embed_dim * frame.height * frame.width / 4;
  }
  const bool maps = options.protocol == Protocol::kSingle && numbers <= kKeptNumbers;
  std::vector<ImageState> states;
  for (const ImageView& image : images) {
    check_stop(options.stop);
    ImageState state{.width = image.width, .height = image.height};
    if (maps) {
      const PlaneSize frame = single_frame(rule_, image.width, image.height);
      state.tensors = {{"map", map_of(image, frame, towers)}};
    } else {
      state.picture = std::make_shared<const Image>(copy(image));
    }
    states.push_back(std::move(state));
  }
  return states;
}

std::vector<ImageState> LsegHead::encode_pixels(const Tensor& pixels, const Towers& towers,
                                                const PredictOptions& options) const {
  if (options.protocol != Protocol::kSingle) {
    fail(ErrorCode::kUnsupported, "expected a picture for the official protocol, which scales it ",
         "several times, got pixels");
  }
  const auto shape = pixels.empty() ? std::span<const std::int64_t>{} : pixels.shape();
  if (shape.size() != 4 || shape[1] != 3) {
    fail(ErrorCode::kInvalidArgument, "expected pixels [B, 3, H, W], got ", shape_text(shape));
  }
  if (!is_legal(rule_, shape[2]) || !is_legal(rule_, shape[3])) {
    fail(ErrorCode::kInvalidArgument, "expected pixels whose height and width are multiples of ",
         rule_.size_multiple, ", got ", shape[2], " x ", shape[3]);
  }
  std::vector<ImageState> states;
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    check_stop(options.stop);
    const Tensor maps = maps_of(pixels.slice(i, i + 1), towers);
    ImageState state;
    state.tensors = {{"map", maps.reshape({maps.dim(1), maps.dim(2), maps.dim(3)})}};
    states.push_back(std::move(state));
  }
  return states;
}

Prediction LsegHead::predict(const ImageState& image, const TextState& text, const Towers& towers,
                             const PredictOptions& options) const {
  const Manifest& manifest = towers.manifest();
  const ClassBank& bank = class_bank_of(text, manifest.embed_dim);
  const LsegWords words(bank, manifest.logit.scale, manifest.logit.bias);
  const auto kept = image.tensors.find("map");
  if (kept == image.tensors.end() && image.picture == nullptr) {
    fail(ErrorCode::kInvalidArgument, "expected an image state of a head of type lseg, got one ",
         "without map and picture");
  }
  Segmentation answer{
      .width = image.width, .height = image.height, .labels = bank.labels, .map = {}};
  if (image.width == 0) {
    answer.width = 2 * kept->second.dim(2);
    answer.height = 2 * kept->second.dim(1);
  }
  answer.map.resize(static_cast<std::size_t>(answer.width * answer.height), 0);
  if (options.protocol == Protocol::kOfficial) {
    if (image.picture == nullptr) {
      fail(ErrorCode::kInvalidArgument, "expected an image that was encoded for the official ",
           "protocol, got one for a single pass");
    }
    answer.scores =
        sum_of_windows(image.picture->view(), preprocess_, rule_, words, block_, towers, options);
    keep_largest(answer.scores, answer.map);
    if (!options.scores) answer.scores = {};
    return answer;
  }
  const Tensor map =
      kept != image.tensors.end()
          ? kept->second
          : map_of(image.picture->view(), single_frame(rule_, image.width, image.height), towers);
  const PixelMap pixels{
      .values = map.floats(), .dim = map.dim(0), .height = map.dim(1), .width = map.dim(2)};
  answer_map({pixels, words, block_}, options, answer);
  return answer;
}

std::shared_ptr<const Head> make_lseg(const HeadContext& context) {
  need_to_be_first(context);
  need_parameters(context.spec,
                  {"base_size", "crop_size", "stride", "scales", "flip", "single_size",
                   "size_multiple", "pad", "arch_option", "block_depth", "activation"});
  need_method(context, "image", "forward", {{"pixels", 4}}, {{"map", 4}});
  const PreprocessSpec& preprocess =
      context.package.manifest().preprocess.find(context.task.preprocess)->second;
  if (preprocess.geometry != Geometry::kSquash || preprocess.arithmetic != Arithmetic::kTorch) {
    fail(ErrorCode::kCorruptPackage, "expected a preprocess of geometry squash and arithmetic ",
         "torch, whose size a head of type lseg chooses, got another");
  }
  const LsegRule rule = need_rule(context.spec);
  return std::make_shared<const LsegHead>(preprocess, context.spec.templates, rule,
                                          need_block(context));
}

}  // namespace glint
