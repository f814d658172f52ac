// The towers, their methods and their ports.
//
// What a port must look like is written once, in the table of models/package.md below; methods and
// outputs beyond the table are the package's own, and any name and shape will do. Sizes that only
// the package knows (the width of the text tower) are variables: the first port that has one binds
// it, every later one must agree.
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <limits>
#include <optional>
#include <set>

#include "core/check.h"
#include "package/manifest_parts.h"
#include "package/paths.h"

namespace glint {
namespace {

constexpr std::int64_t kMaxSize = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kWrong = 0;  // stands for a size that was noted as a problem
constexpr std::size_t kMaxTowers = 64;
constexpr std::size_t kMaxMethods = 64;
constexpr std::size_t kMaxPorts = 64;
constexpr std::size_t kMaxRank = 8;

// Sizes of the table that are neither numbers nor one given symbol.
constexpr const char* kEmbedDim = "embed_dim";
constexpr const char* kTextWidth = "the width of embeddings";
constexpr const char* kAny = "*";  // any number or symbol
using Sizes = std::map<std::string, std::int64_t, std::less<>>;

using ExpectedPorts = std::vector<Port>;

struct ExpectedMethod {
  std::string_view name;
  ExpectedPorts inputs;   // exactly these
  ExpectedPorts outputs;  // these first
};

ExpectedMethod image_forward() {
  return {"forward", {{"pixels", DType::kF32, {"B", 3, kAny, kAny}}}, {}};
}
Port embedding() { return {"embedding", DType::kF32, {"B", kEmbedDim}}; }
Port ids() { return {"ids", DType::kI64, {"B", "L"}}; }
Port embeddings() { return {"embeddings", DType::kF32, {"B", "L", kTextWidth}}; }

std::vector<ExpectedMethod> expected_methods(std::string_view tower) {
  if (tower == "image") return {image_forward()};
  if (tower != "text") return {};
  return {{"forward", {ids()}, {embedding()}},
          {"embed", {ids()}, {embeddings()}},
          {"forward_embedded", {embeddings(), {"eot", DType::kI64, {"B"}}}, {embedding()}}};
}

bool is_symbol(const std::string& text) {
  const auto good = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  return !text.empty() && text.size() <= 16 && text[0] >= 'A' && text[0] <= 'Z' &&
         std::all_of(text.begin(), text.end(), good);
}

// A decimal of at most kMaxSize, as anyone would write it; -1 for any other text.
std::int64_t bound_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = error == std::errc() && end == text.data() + text.size() && value > 0 &&
                    value <= kMaxSize && text[0] != '0';
  return good ? value : -1;
}

bool is_port_name(const std::string& text) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && text.size() <= 64 && text[0] >= 'a' && text[0] <= 'z' &&
         std::all_of(text.begin(), text.end(), good);
}

class TowerReader {
 public:
  explicit TowerReader(Sizes& sizes) : sizes_(sizes) {}

  MethodSpec method(const JsonReader& json, const ExpectedMethod* expected) {
    const JsonObject fields = json.object({"inputs", "outputs"});
    MethodSpec spec;
    spec.inputs = ports(fields["inputs"], expected == nullptr ? nullptr : &expected->inputs, true);
    spec.outputs =
        ports(fields["outputs"], expected == nullptr ? nullptr : &expected->outputs, false);
    return spec;
  }

 private:
  // `expected`: nullptr for any ports. `exactly`: no others after them.
  std::vector<Port> ports(const JsonReader& json, const ExpectedPorts* expected, bool exactly) {
    const std::size_t least = expected == nullptr ? 1 : std::max<std::size_t>(expected->size(), 1);
    const auto items = json.items(least, exactly && expected != nullptr ? least : kMaxPorts);
    std::vector<Port> out;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const bool known = expected != nullptr && i < expected->size();
      out.push_back(known ? known_port(items[i], (*expected)[i]) : free_port(items[i], exactly));
      if (!seen.insert(out.back().name).second) items[i].problem("expected a name of its own");
    }
    return out;
  }

  Port known_port(const JsonReader& json, const Port& expected) {
    const JsonObject fields = json.object({"name", "dtype", "shape"});
    fields["name"].one_of({expected.name});
    fields["dtype"].one_of({to_string(expected.dtype)});
    Port port{expected.name, expected.dtype, {}};
    const auto shape = fields["shape"].items(expected.shape.size(), expected.shape.size());
    for (std::size_t i = 0; i < shape.size(); ++i) {
      port.shape.push_back(known_size(shape[i], expected.shape[i]));
    }
    return port;
  }

  Port free_port(const JsonReader& json, bool input) {
    const JsonObject fields = json.object({"name", "dtype", "shape"});
    Port port;
    port.name = fields["name"].string().value_or("");
    if (!input && port.name == embedding().name) return known_port(json, embedding());
    if (fields.has("name") && !is_port_name(port.name)) {
      fields["name"].expected("a name [a-z][a-z0-9_]* of at most 64 bytes");
    }
    constexpr DType kDTypes[] = {DType::kF32, DType::kI64};
    port.dtype = kDTypes[fields["dtype"].one_of({"f32", "i64"}).value_or(0)];
    for (const JsonReader& item : fields["shape"].items(0, kMaxRank)) {
      port.shape.push_back(any_size(item));
    }
    return port;
  }

  PortSize any_size(const JsonReader& json) {
    const auto text = json.is_string() ? json.string() : std::nullopt;
    if (!text) return json.integer(1, kMaxSize, "a positive integer or a symbol").value_or(kWrong);
    const std::size_t bound = std::min(text->find("<="), text->size());
    PortSize size(text->substr(0, bound));
    if (bound < text->size()) size.most = bound_of(std::string_view(*text).substr(bound + 2));
    if (!is_symbol(size.symbol) || size.most < 0) {
      json.expected("a positive integer or a symbol [A-Z][A-Za-z0-9]*, alone or as in \"P<=12\"");
    }
    return size;
  }

  PortSize known_size(const JsonReader& json, const PortSize& expected) {
    if (expected.symbol == kAny) return any_size(json);
    const bool variable = expected.symbol == kEmbedDim || expected.symbol == kTextWidth;
    if (!expected.symbol.empty() && !variable) {
      json.one_of({expected.symbol});
      return expected;
    }
    const auto value = json.integer(1, kMaxSize, "a positive integer");
    if (!value) return kWrong;
    if (!variable) {
      if (*value != expected.size) json.expected(cat(expected.size));
      return *value;
    }
    const auto [bound, first] = sizes_.try_emplace(expected.symbol, *value);
    if (!first && bound->second != *value) {
      json.expected(cat(bound->second, " (", expected.symbol, ")"));
    }
    return *value;
  }

  Sizes& sizes_;
};

// Token ids and positions are checked before a tower indexes with them, so what they are checked
// against must be there.
void check_text_inputs(const JsonReader& json, const MethodSpec& spec, bool with_text) {
  bool has_ids = false, has_eot = false, has_length = false;
  for (const Port& port : spec.inputs) {
    has_ids = has_ids || (port.dtype == DType::kI64 && port.name == "ids");
    has_eot = has_eot || (port.dtype == DType::kI64 && port.name == "eot");
    has_length = has_length || std::ranges::find(port.shape, PortSize("L")) != port.shape.end();
  }
  if (!with_text && (has_ids || has_length)) {
    json.problem("expected no input ids and no size \"L\" without a tokenizer");
  }
  if (has_eot && !has_length) json.problem("expected an input with a size \"L\" beside eot");
}

TowerSpec read_tower(const JsonReader& json, std::string_view name, const FileTable& files,
                     Sizes& sizes, bool with_text) {
  const JsonObject fields = json.object({"file", "dtype", "storage", "methods"});
  TowerSpec tower;
  tower.file = read_listed_path(fields["file"], files);
  fields["dtype"].one_of({"f32"});
  constexpr DType kStorages[] = {DType::kF32, DType::kF16};
  tower.storage = kStorages[fields["storage"].one_of({"f32", "f16"}).value_or(0)];
  const auto expected = expected_methods(name);
  TowerReader reader(sizes);
  for (const auto& [method, value] : fields["methods"].members(1, kMaxMethods)) {
    if (!is_port_name(method)) value.problem("expected a name [a-z][a-z0-9_]*");
    const auto known = std::ranges::find(expected, std::string_view(method), &ExpectedMethod::name);
    const auto [entry, fresh] = tower.methods.emplace(
        method, reader.method(value, known == expected.end() ? nullptr : &*known));
    check_text_inputs(value, entry->second, with_text);
  }
  for (const ExpectedMethod& method : expected) {
    if (fields.has("methods") && !tower.methods.contains(method.name)) {
      fields["methods"].missing(method.name);
    }
  }
  return tower;
}

}  // namespace

void check_pixels(const JsonReader& json, const TowerSpec& image,
                  const PreprocessTable& preprocess) {
  const auto method = image.methods.find("forward");
  if (method == image.methods.end() || method->second.inputs.size() != 1) return;
  const auto& shape = method->second.inputs.front().shape;
  if (shape.size() != 4) return;
  const auto fits = [](const PortSize& port, std::int64_t side) {
    return !port.symbol.empty() || port.size == 0 || side == 0 || port.size == side;
  };
  for (const auto& [name, spec] : preprocess) {
    if (fits(shape[2], spec.height) && fits(shape[3], spec.width)) continue;
    json.problem(cat("expected pixels of [", spec.height, ", ", spec.width,
                     "], the size of preprocess ", quote(name), ", got [", shape[2].size, ", ",
                     shape[3].size, "]"));
  }
}

std::map<std::string, TowerSpec, std::less<>> read_towers(const JsonReader& json,
                                                          const Manifest& manifest,
                                                          bool with_text) {
  std::map<std::string, TowerSpec, std::less<>> towers;
  Sizes sizes;
  if (manifest.embed_dim > 0) sizes.emplace(kEmbedDim, manifest.embed_dim);
  for (const auto& [name, value] : json.members(1, kMaxTowers)) {
    if (!is_package_name(name)) {
      value.problem("expected a name [a-z0-9][a-z0-9._-]* of at most 64 bytes");
    }
    if (name == "text" && !with_text) value.problem("expected no text tower without a tokenizer");
    const auto [entry, fresh] =
        towers.emplace(name, read_tower(value, name, manifest.files, sizes, with_text));
    if (name == "image") check_pixels(value, entry->second, manifest.preprocess);
  }
  for (const std::string_view name : {"image", "text"}) {
    if (json.present() && !towers.contains(name) && (name == "image" || with_text)) {
      json.missing(name);
    }
  }
  return towers;
}

std::map<std::string, TowerSpec, std::less<>> read_blocks(const JsonReader& json,
                                                          const Manifest& manifest) {
  std::map<std::string, TowerSpec, std::less<>> blocks;
  Sizes sizes{{kEmbedDim, manifest.embed_dim}};
  for (const auto& [name, value] : json.members(0, kMaxTowers)) {
    if (!is_package_name(name)) {
      value.problem("expected a name [a-z0-9][a-z0-9._-]* of at most 64 bytes");
    } else if (name == "image" || name == "text") {
      value.problem("expected no image or text tower beside the base's");
    } else if (manifest.towers.contains(name)) {
      value.problem("expected a name that no tower of the base has");
    }
    blocks.emplace(
        name, read_tower(value, name, manifest.files, sizes, manifest.tokenizer.has_value()));
  }
  return blocks;
}

}  // namespace glint
