// The towers, their methods and their ports.
//
// What a port must look like is written once, in the table of models/package.md below. Sizes that
// only the package knows (the sides of the pixels, the width of the text tower) are variables: the
// first port that has one binds it, every later one must agree.
#include <cstddef>
#include <limits>
#include <span>

#include "core/check.h"
#include "package/manifest_parts.h"

namespace glint {
namespace {

constexpr std::int64_t kMaxSize = std::numeric_limits<std::int32_t>::max();

// Variables of a shape: entries of Sizes.
enum Size : std::int64_t { kEmbedDim = -10, kHeight = -11, kWidth = -12, kTextWidth = -13 };
using Sizes = std::map<std::int64_t, std::int64_t>;

std::string_view name_of(std::int64_t size) {
  switch (size) {
    case kEmbedDim:
      return "embed_dim";
    case kHeight:
      return "the height of pixels";
    case kWidth:
      return "the width of pixels";
    default:
      return "the width of embeddings";
  }
}

struct ExpectedPort {
  std::string_view name;
  DType dtype;
  std::vector<std::int64_t> shape;  // a size, a symbol of Port, or a variable
};

struct ExpectedMethod {
  std::string_view name;
  std::vector<ExpectedPort> inputs;
  std::vector<ExpectedPort> outputs;
};

ExpectedPort embedding() { return {"embedding", DType::kF32, {Port::kBatch, kEmbedDim}}; }
ExpectedPort ids() { return {"ids", DType::kI64, {Port::kBatch, Port::kLength}}; }
ExpectedPort embeddings() {
  return {"embeddings", DType::kF32, {Port::kBatch, Port::kLength, kTextWidth}};
}

ExpectedMethod image_forward() {
  return {"forward", {{"pixels", DType::kF32, {Port::kBatch, 3, kHeight, kWidth}}}, {embedding()}};
}
ExpectedMethod text_forward() { return {"forward", {ids()}, {embedding()}}; }
ExpectedMethod text_embed() { return {"embed", {ids()}, {embeddings()}}; }
ExpectedMethod text_forward_embedded() {
  return {"forward_embedded", {embeddings(), {"eot", DType::kI64, {Port::kBatch}}}, {embedding()}};
}

class TowerReader {
 public:
  explicit TowerReader(Sizes& sizes) : sizes_(sizes) {}

  MethodSpec method(const JsonReader& json, const ExpectedMethod& expected) {
    const JsonObject fields = json.object({"inputs", "outputs"});
    return {ports(fields["inputs"], expected.inputs), ports(fields["outputs"], expected.outputs)};
  }

 private:
  std::vector<Port> ports(const JsonReader& json, const std::vector<ExpectedPort>& expected) {
    const auto items = json.items(expected.size(), expected.size());
    std::vector<Port> out;
    for (std::size_t i = 0; i < items.size(); ++i) out.push_back(port(items[i], expected[i]));
    return out;
  }

  Port port(const JsonReader& json, const ExpectedPort& expected) {
    const JsonObject fields = json.object({"name", "dtype", "shape"});
    fields["name"].one_of({expected.name});
    fields["dtype"].one_of({expected.dtype == DType::kF32 ? "f32" : "i64"});
    Port out{std::string(expected.name), expected.dtype, {}};
    const auto shape = fields["shape"].items(expected.shape.size(), expected.shape.size());
    for (std::size_t i = 0; i < shape.size(); ++i) {
      out.shape.push_back(size(shape[i], expected.shape[i]));
    }
    return out;
  }

  // Returns 0 when the entry is wrong.
  std::int64_t size(const JsonReader& json, std::int64_t expected) {
    if (expected == Port::kBatch || expected == Port::kLength) {
      const bool good = json.one_of({expected == Port::kBatch ? "B" : "L"}).has_value();
      return good ? expected : 0;
    }
    const auto value = json.integer(1, kMaxSize, "a positive integer");
    if (!value) return 0;
    if (expected > 0) {
      if (*value != expected) json.expected(cat(expected));
      return *value;
    }
    const auto [bound, first] = sizes_.try_emplace(expected, *value);
    if (!first && bound->second != *value) {
      json.expected(cat(bound->second, " (", name_of(expected), ")"));
    }
    return *value;
  }

  Sizes& sizes_;
};

TowerSpec read_tower(const JsonReader& json, const FileTable& files, Sizes& sizes,
                     std::span<const ExpectedMethod> expected) {
  const JsonObject fields = json.object({"file", "dtype", "storage", "methods"});
  TowerSpec tower;
  tower.file = read_listed_path(fields["file"], files);
  fields["dtype"].one_of({"f32"});
  constexpr DType kStorages[] = {DType::kF32, DType::kF16};
  tower.storage = kStorages[fields["storage"].one_of({"f32", "f16"}).value_or(0)];
  const JsonReader methods = fields["methods"];
  const JsonObject by_name = expected.size() == 1
                                 ? methods.object({"forward"})
                                 : methods.object({"forward", "embed", "forward_embedded"});
  TowerReader reader(sizes);
  for (const ExpectedMethod& method : expected) {
    tower.methods.emplace(method.name, reader.method(by_name[method.name], method));
  }
  return tower;
}

// Every preprocess makes the pixels that the image tower takes.
void check_pixels(const JsonReader& tower, const PreprocessTable& preprocess, const Sizes& sizes) {
  const auto height = sizes.find(kHeight);
  const auto width = sizes.find(kWidth);
  if (height == sizes.end() || width == sizes.end()) return;
  for (const auto& [name, spec] : preprocess) {
    if (spec.height == 0 || spec.width == 0) continue;
    if (spec.height == height->second && spec.width == width->second) continue;
    tower.problem(cat("expected pixels of [", spec.height, ", ", spec.width,
                      "], the size of preprocess ", quote(name), ", got [", height->second, ", ",
                      width->second, "]"));
  }
}

}  // namespace

std::map<std::string, TowerSpec, std::less<>> read_towers(const JsonReader& json,
                                                          const Manifest& manifest,
                                                          bool with_text) {
  std::map<std::string, TowerSpec, std::less<>> towers;
  const JsonObject fields =
      with_text ? json.object({"image", "text"}) : json.object({"image"}, {"text"});
  Sizes sizes;
  if (manifest.embed_dim > 0) sizes.emplace(kEmbedDim, manifest.embed_dim);
  if (fields.has("image")) {
    const ExpectedMethod methods[] = {image_forward()};
    towers.emplace("image", read_tower(fields["image"], manifest.files, sizes, methods));
    check_pixels(fields["image"], manifest.preprocess, sizes);
  }
  if (fields.has("text")) {
    const ExpectedMethod methods[] = {text_forward(), text_embed(), text_forward_embedded()};
    towers.emplace("text", read_tower(fields["text"], manifest.files, sizes, methods));
  }
  return towers;
}

}  // namespace glint
