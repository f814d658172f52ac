// The sections that decide pixels and token ids.
#include <cstddef>
#include <limits>

#include "core/check.h"
#include "package/manifest_parts.h"
#include "package/paths.h"

namespace glint {
namespace {

constexpr std::size_t kMaxPreprocesses = 64;
constexpr std::int64_t kMaxContext = 4'096;
constexpr std::int64_t kMaxTokenId = std::numeric_limits<std::int32_t>::max();

std::array<float, 3> read_channels(const JsonReader& json, bool positive) {
  std::array<float, 3> out{};
  const auto items = json.items(3, 3);
  for (std::size_t c = 0; c < items.size(); ++c) {
    const auto value = positive ? items[c].positive_number() : items[c].number();
    out[c] = static_cast<float>(value.value_or(0));
  }
  return out;
}

// Whether a key is there and due. One that is due and missing, or there without being due, is
// noted.
bool belongs(const JsonObject& fields, std::string_view key, bool due, std::string_view with) {
  const bool there = fields.has(key);
  if (due && !there) fields.missing(key);
  if (!due && there) fields[key].problem(cat("expected only with ", with));
  return due && there;
}

// How the picture is resized. Some choices come with others, and two keys belong to one choice.
void read_resize(const JsonObject& fields, PreprocessSpec& spec) {
  constexpr Interpolation kInterpolations[] = {Interpolation::kBicubic, Interpolation::kBilinear,
                                               Interpolation::kNearest};
  const auto interpolation = fields["interpolation"].one_of({"bicubic", "bilinear", "nearest"});
  spec.interpolation = kInterpolations[interpolation.value_or(0)];
  constexpr Arithmetic kArithmetics[] = {Arithmetic::kPillow, Arithmetic::kTorchvision,
                                         Arithmetic::kOpencv, Arithmetic::kTorch};
  const auto arithmetic = fields["arithmetic"].one_of({"pillow", "torchvision", "opencv", "torch"});
  const auto antialias = fields["antialias"].boolean();
  if (!arithmetic) return;
  spec.arithmetic = kArithmetics[*arithmetic];
  const bool torch = spec.arithmetic == Arithmetic::kTorch;
  const bool two_samples = torch || spec.arithmetic == Arithmetic::kOpencv;
  if (antialias && *antialias == two_samples) {
    fields["antialias"].expected(two_samples
                                     ? "false with arithmetic \"opencv\" or \"torch\""
                                     : "true with arithmetic \"pillow\" or \"torchvision\"");
  }
  if (two_samples && interpolation && spec.interpolation != Interpolation::kBilinear) {
    fields["interpolation"].expected("\"bilinear\" with arithmetic \"opencv\" or \"torch\"");
  }
  if (spec.arithmetic != Arithmetic::kPillow && spec.rgb == RgbConversion::kAfterResize) {
    fields["rgb"].expected(
        "\"before\" or \"before_on_white\" with an arithmetic other than \"pillow\"");
  }
  if (!belongs(fields, "align_corners", torch, "arithmetic \"torch\"")) return;
  spec.align_corners = fields["align_corners"].boolean().value_or(false);
}

// The side before the crop. It goes with one geometry, and cannot be below the size.
void read_side_before_crop(const JsonObject& fields, PreprocessSpec& spec) {
  if (!fields.has("resize")) return;
  spec.resize = fields["resize"].integer(1, kMaxTargetSide).value_or(0);
  if (spec.geometry != Geometry::kShortest || spec.width != spec.height) {
    fields["resize"].problem("expected only with geometry \"shortest\" and a square size");
  } else if (spec.resize != 0 && spec.resize < spec.width) {
    fields["resize"].problem(
        cat("expected at least the size, ", spec.width, ", got ", spec.resize));
  }
}

// How the picture is fitted into the target.
void read_geometry(const JsonObject& fields, PreprocessSpec& spec) {
  const auto size = fields["size"].items(2, 2);
  if (!size.empty()) {
    spec.height = size[0].integer(1, kMaxTargetSide).value_or(0);
    spec.width = size[1].integer(1, kMaxTargetSide).value_or(0);
  }
  constexpr Geometry kGeometries[] = {Geometry::kShortest, Geometry::kSquash, Geometry::kLongest};
  const auto geometry = fields["geometry"].one_of({"shortest", "squash", "longest"});
  if (!geometry) return;
  spec.geometry = kGeometries[*geometry];
  if (fields.has("crop")) {
    constexpr CropRounding kRoundings[] = {CropRounding::kHalfToEven, CropRounding::kDown};
    spec.crop = kRoundings[fields["crop"].one_of({"half_to_even", "down"}).value_or(0)];
  }
  read_side_before_crop(fields, spec);
  if (belongs(fields, "fill", spec.geometry == Geometry::kLongest, "geometry \"longest\"")) {
    spec.fill = static_cast<std::uint8_t>(fields["fill"].integer(0, 255).value_or(0));
  }
}

PreprocessSpec read_one_preprocess(const JsonReader& json) {
  const JsonObject fields = json.object({"size", "geometry", "interpolation", "antialias",
                                         "arithmetic", "rgb", "rescale", "channels", "mean", "std"},
                                        {"align_corners", "crop", "fill", "resize"});
  PreprocessSpec spec;
  read_geometry(fields, spec);
  constexpr RgbConversion kConversions[] = {
      RgbConversion::kAfterResize, RgbConversion::kBeforeResize, RgbConversion::kBeforeOnWhite};
  spec.rgb = kConversions[fields["rgb"].one_of({"after", "before", "before_on_white"}).value_or(0)];
  read_resize(fields, spec);
  constexpr Rescale kRescales[] = {Rescale::kDiv255, Rescale::kFused};
  spec.rescale = kRescales[fields["rescale"].one_of({"div255", "fused"}).value_or(0)];
  constexpr ChannelOrder kOrders[] = {ChannelOrder::kRgb, ChannelOrder::kBgr};
  spec.channels = kOrders[fields["channels"].one_of({"rgb", "bgr"}).value_or(0)];
  spec.mean = read_channels(fields["mean"], false);
  spec.std = read_channels(fields["std"], true);
  return spec;
}

}  // namespace

PreprocessTable read_preprocess(const JsonReader& json) {
  PreprocessTable table;
  for (const auto& [name, value] : json.members(1, kMaxPreprocesses)) {
    if (!is_package_name(name)) {
      value.problem("expected a name [a-z0-9][a-z0-9._-]* of at most 64 bytes");
    }
    table.emplace(name, read_one_preprocess(value));
  }
  return table;
}

TokenizerSpec read_tokenizer(const JsonReader& json, const FileTable& files,
                             std::string& merges_file) {
  const JsonObject fields =
      json.object({"kind", "files", "context", "overflow", "start", "end", "pad", "clean"});
  fields["kind"].one_of({"clip_bpe"});
  fields["clean"].one_of({"open_clip"});
  merges_file = read_listed_path(fields["files"].object({"merges"})["merges"], files);
  TokenizerSpec spec;
  spec.context_length = fields["context"].integer(2, kMaxContext).value_or(0);
  constexpr Overflow kOverflows[] = {Overflow::kTruncate, Overflow::kError};
  spec.overflow = kOverflows[fields["overflow"].one_of({"truncate", "error"}).value_or(0)];
  const auto start = fields["start"].integer(0, kMaxTokenId);
  const auto end = fields["end"].integer(0, kMaxTokenId);
  const auto pad = fields["pad"].integer(0, kMaxTokenId);
  spec.start_id = start.value_or(0);
  spec.end_id = end.value_or(0);
  spec.pad_id = pad.value_or(0);
  // The ids of the published vocabulary: 512 byte symbols, the merges in use, start, end.
  if (start && *start < 512) fields["start"].expected("an id of at least 512");
  if (start && end && *end != *start + 1) {
    fields["end"].problem(cat("expected start + 1, ", *start + 1, ", got ", *end));
  }
  if (end && pad && *pad > *end) {
    fields["pad"].problem(cat("expected an id of at most end, ", *end, ", got ", *pad));
  }
  return spec;
}

}  // namespace glint
