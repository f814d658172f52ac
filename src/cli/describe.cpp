#include "cli/describe.h"

namespace glint::cli {
namespace {

Json describe(const Port& port) {
  Json shape = Json::array();
  for (const PortSize& size : port.shape) {
    shape.push_back(size.symbol.empty() ? Json(size.size) : Json(to_string(size)));
  }
  return {{"name", port.name}, {"dtype", to_string(port.dtype)}, {"shape", std::move(shape)}};
}

Json describe(const std::vector<Port>& ports) {
  Json all = Json::array();
  for (const Port& port : ports) all.push_back(describe(port));
  return all;
}

Json describe(const TowerSpec& tower) {
  Json methods = Json::object();
  for (const auto& [name, method] : tower.methods) {
    methods[name] = {{"inputs", describe(method.inputs)}, {"outputs", describe(method.outputs)}};
  }
  return {
      {"file", tower.file}, {"storage", to_string(tower.storage)}, {"methods", std::move(methods)}};
}

Json describe(const PreprocessSpec& spec) {
  Json mean = Json::array();
  Json std = Json::array();
  for (const float value : spec.mean) mean.push_back(shortest(value));
  for (const float value : spec.std) std.push_back(shortest(value));
  return {{"size", {spec.height, spec.width}},
          {"resize", spec.resize == 0 ? Json(nullptr) : Json(spec.resize)},
          {"geometry", name_of(spec.geometry)},
          {"crop", name_of(spec.crop)},
          {"fill", spec.fill},
          {"interpolation", name_of(spec.interpolation)},
          {"arithmetic", name_of(spec.arithmetic)},
          {"align_corners", spec.align_corners},
          {"rgb", name_of(spec.rgb)},
          {"rescale", name_of(spec.rescale)},
          {"channels", name_of(spec.channels)},
          {"mean", std::move(mean)},
          {"std", std::move(std)}};
}

Json describe(const Manifest& manifest) {
  if (!manifest.tokenizer) return nullptr;
  const TokenizerSpec& spec = *manifest.tokenizer;
  return {{"merges", manifest.merges_file},
          {"context", spec.context_length},
          {"overflow", name_of(spec.overflow)},
          {"start", spec.start_id},
          {"end", spec.end_id},
          {"pad", spec.pad_id}};
}

Json describe(const TaskSpec& task) {
  Json heads = Json::array();
  for (const HeadSpec& head : task.heads) {
    Json parameters = Json::object();
    for (const auto& [name, value] : head.parameters) {
      std::visit([&, key = name](const auto& v) { parameters[key] = v; }, value);
    }
    heads.push_back({{"type", head.type},
                     {"templates", head.templates},
                     {"parameters", std::move(parameters)},
                     {"tensors", head.tensors}});
  }
  return {{"preprocess", task.preprocess}, {"heads", std::move(heads)}};
}

template <typename Map>
Json describe_each(const Map& map) {
  Json all = Json::object();
  for (const auto& [name, value] : map) all[name] = describe(value);
  return all;
}

template <typename Map>
Json copy_strings(const Map& map) {
  Json all = Json::object();
  for (const auto& [name, value] : map) all[name] = value;
  return all;
}

Json describe_files(const Package& package) {
  Json files = Json::object();
  for (const auto& [name, digest] : package.manifest().files) {
    files[name] = {{"bytes", package.file(name).size()}, {"sha256", digest}};
    if (is_lent(package, name)) files[name]["of"] = package.manifest().extends->name;
  }
  return files;
}

Json describe_base(const Package& package) {
  const auto base = package.base();
  if (!base) return nullptr;
  return {{"name", base->manifest().name}, {"digest", base->digest()}, {"path", base->path()}};
}

}  // namespace

const char* name_of(Geometry geometry) {
  switch (geometry) {
    case Geometry::kShortest:
      return "shortest";
    case Geometry::kSquash:
      return "squash";
    case Geometry::kLongest:
      return "longest";
  }
  return "";
}
const char* name_of(Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::kBicubic:
      return "bicubic";
    case Interpolation::kBilinear:
      return "bilinear";
    case Interpolation::kNearest:
      return "nearest";
  }
  return "";
}
const char* name_of(Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::kPillow:
      return "pillow";
    case Arithmetic::kTorchvision:
      return "torchvision";
    case Arithmetic::kOpencv:
      return "opencv";
    case Arithmetic::kTorch:
      return "torch";
  }
  return "";
}
const char* name_of(RgbConversion rgb) {
  switch (rgb) {
    case RgbConversion::kAfterResize:
      return "after";
    case RgbConversion::kBeforeResize:
      return "before";
    case RgbConversion::kBeforeOnWhite:
      return "before_on_white";
  }
  return "";
}
const char* name_of(CropRounding crop) {
  return crop == CropRounding::kHalfToEven ? "half_to_even" : "down";
}
const char* name_of(Rescale rescale) { return rescale == Rescale::kDiv255 ? "div255" : "fused"; }
const char* name_of(ChannelOrder channels) {
  return channels == ChannelOrder::kRgb ? "rgb" : "bgr";
}
const char* name_of(Overflow overflow) {
  return overflow == Overflow::kTruncate ? "truncate" : "error";
}

bool is_lent(const Package& package, const std::string& file) {
  const auto& extends = package.manifest().extends;
  return extends && extends->files.contains(file);
}

std::int64_t size_bytes(const Package& package) {
  std::int64_t total = 0;
  for (const auto& [name, digest] : package.manifest().files) {
    if (!is_lent(package, name)) total += static_cast<std::int64_t>(package.file(name).size());
  }
  return total;
}

Json describe(const Package& package) {
  const Manifest& manifest = package.manifest();
  return {{"name", manifest.name},
          {"family", manifest.family},
          {"digest", package.digest()},
          {"bytes", size_bytes(package)},
          {"extends", describe_base(package)},
          {"embed_dim", manifest.embed_dim},
          {"activation", manifest.activation},
          {"logit", {{"scale", manifest.logit.scale}, {"bias", manifest.logit.bias}}},
          {"towers", describe_each(manifest.towers)},
          {"preprocess", describe_each(manifest.preprocess)},
          {"tokenizer", describe(manifest)},
          {"tasks", describe_each(manifest.tasks)},
          {"classes", manifest.classes},
          {"licence", manifest.licence},
          {"provenance", copy_strings(manifest.provenance)},
          {"reference",
           {{"images", manifest.reference.images.size()},
            {"texts", manifest.reference.texts.size()},
            {"versions", copy_strings(manifest.reference.versions)}}},
          {"files", describe_files(package)}};
}

}  // namespace glint::cli
