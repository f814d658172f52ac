// The sections that decide pixels and token ids.
#include <cstddef>
#include <limits>

#include "core/check.h"
#include "package/manifest_parts.h"
#include "package/paths.h"

namespace glint {
namespace {

constexpr std::size_t kMaxPreprocesses = 64;
constexpr std::int64_t kMaxSide = 4'096;
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

PreprocessSpec read_one_preprocess(const JsonReader& json) {
  const JsonObject fields =
      json.object({"size", "geometry", "interpolation", "antialias", "arithmetic", "rgb", "rescale",
                   "channels", "mean", "std"});
  PreprocessSpec spec;
  const auto size = fields["size"].items(2, 2);
  if (!size.empty()) {
    spec.height = size[0].integer(1, kMaxSide).value_or(0);
    spec.width = size[1].integer(1, kMaxSide).value_or(0);
  }
  constexpr Geometry kGeometries[] = {Geometry::kShortest, Geometry::kSquash};
  const auto geometry = fields["geometry"].one_of({"shortest", "squash"});
  spec.geometry = kGeometries[geometry.value_or(0)];
  if (geometry && spec.geometry == Geometry::kShortest && spec.height != spec.width) {
    fields["size"].problem(cat("expected a square for geometry \"shortest\", got [", spec.height,
                               ", ", spec.width, "]"));
  }
  constexpr Interpolation kInterpolations[] = {Interpolation::kBicubic, Interpolation::kBilinear};
  spec.interpolation =
      kInterpolations[fields["interpolation"].one_of({"bicubic", "bilinear"}).value_or(0)];
  fields["antialias"].is_true();
  fields["arithmetic"].one_of({"pillow"});
  constexpr RgbConversion kConversions[] = {RgbConversion::kAfterResize,
                                            RgbConversion::kBeforeResize};
  spec.rgb = kConversions[fields["rgb"].one_of({"after", "before"}).value_or(0)];
  fields["rescale"].one_of({"div255"});
  fields["channels"].one_of({"rgb"});
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
