#include "support/tiny_package.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "package/safetensors.h"
#include "package/sha256.h"

namespace glint::test {
namespace {

using Json = nlohmann::ordered_json;

class ByteWriter {
 public:
  Bytes bytes;

  ByteWriter& number(std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      bytes.push_back(static_cast<std::byte>(value >> (8 * i) & 0xff));
    }
    return *this;
  }
  ByteWriter& text(std::string_view text) {
    const Bytes part = to_bytes(text);
    return add(part);
  }
  ByteWriter& add(std::span<const std::byte> part) {
    bytes.insert(bytes.end(), part.begin(), part.end());
    return *this;
  }
};

// CRC-32 of zip (polynomial 0xedb88320), a bit at a time.
std::uint32_t crc32_of(std::span<const std::byte> bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

std::uint16_t flags_of(const ArchiveEntry& entry) {
  return static_cast<std::uint16_t>(entry.flags | (entry.descriptor ? 8 : 0));
}

std::uint64_t stated_bytes(const ArchiveEntry& entry) {
  return entry.stated_bytes < 0 ? entry.content.size()
                                : static_cast<std::uint64_t>(entry.stated_bytes);
}

void write_local(ByteWriter& out, const ArchiveEntry& entry) {
  const std::string& name = entry.local_name.empty() ? entry.name : entry.local_name;
  const std::uint64_t size = entry.descriptor ? 0 : stated_bytes(entry);
  out.number(0x04034b50, 4).number(0, 2).number(flags_of(entry), 2).number(entry.method, 2);
  out.number(0, 4).number(entry.descriptor ? 0 : crc32_of(entry.content), 4);
  out.number(size, 4).number(size, 4).number(name.size(), 2).number(0, 2).text(name);
  out.add(entry.content);
  if (!entry.descriptor) return;
  out.number(0x08074b50, 4).number(crc32_of(entry.content), 4);
  out.number(stated_bytes(entry), 4).number(stated_bytes(entry), 4);
}

void write_central(ByteWriter& out, const ArchiveEntry& entry, std::uint64_t offset) {
  out.number(0x02014b50, 4).number(0, 2).number(0, 2).number(flags_of(entry), 2);
  out.number(entry.method, 2).number(0, 4).number(crc32_of(entry.content), 4);
  out.number(stated_bytes(entry), 4).number(stated_bytes(entry), 4);
  out.number(entry.name.size(), 2).number(0, 2).number(0, 2).number(0, 2).number(0, 2);
  out.number(0, 4).number(offset, 4).text(entry.name);
}

void write_end64(ByteWriter& out, std::uint64_t entries, std::uint64_t bytes,
                 std::uint64_t offset) {
  const std::uint64_t at = out.bytes.size();
  out.number(0x06064b50, 4).number(44, 8).number(0, 2).number(0, 2).number(0, 4).number(0, 4);
  out.number(entries, 8).number(entries, 8).number(bytes, 8).number(offset, 8);
  out.number(0x07064b50, 4).number(0, 4).number(at, 8).number(1, 4);
}

// A pickle of protocol 2 whose parts are opcodes as they lie in a file.
Bytes pickle(std::string_view opcodes) { return to_bytes("\x80\x02" + std::string(opcodes)); }

// [name, dtype, shape] -> header and zeros as data.
Bytes zero_tensors(const std::vector<std::tuple<std::string, std::string, Json>>& tensors) {
  Json header = Json::object();
  std::size_t at = 0;
  for (const auto& [name, dtype, shape] : tensors) {
    std::size_t bytes = dtype == "I64" ? 8 : 4;
    for (const auto& size : shape) bytes *= size.get<std::size_t>();
    header[name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {at, at + bytes}}};
    at += bytes;
  }
  return make_safetensors(header.dump(), Bytes(at));
}

Json port(std::string_view name, std::string_view dtype, const Json& shape) {
  return {{"name", name}, {"dtype", dtype}, {"shape", shape}};
}

Json method(const Json& inputs, const Json& outputs) {
  return {{"inputs", inputs}, {"outputs", outputs}};
}

Json tower(std::string_view file, const Json& methods) {
  return {{"file", file}, {"dtype", "f32"}, {"storage", "f16"}, {"methods", methods}};
}

Json towers() {
  const Json embedding = port("embedding", "f32", {"B", 4});
  const Json embeddings = port("embeddings", "f32", {"B", "L", 6});
  const Json ids = port("ids", "i64", {"B", "L"});
  const Json pixels = port("pixels", "f32", {"B", 3, 8, 8});
  const Json eot = port("eot", "i64", Json::array({"B"}));
  const auto list = [](std::initializer_list<Json> items) { return Json(Json::array_t(items)); };
  return {
      {"image", tower("towers/image.pt", {{"forward", method(list({pixels}), list({embedding}))}})},
      {"text", tower("towers/text.pt",
                     {{"forward", method(list({ids}), list({embedding}))},
                      {"embed", method(list({ids}), list({embeddings}))},
                      {"forward_embedded", method(list({embeddings, eot}), list({embedding}))}})}};
}

Json manifest() {
  Json json;
  json["format_version"] = 1;
  json["name"] = "tiny-test";
  json["family"] = "clip";
  json["embed_dim"] = 4;
  json["activation"] = "quick_gelu";
  json["preprocess"]["default"] = {
      {"size", {8, 8}},       {"geometry", "shortest"}, {"interpolation", "bicubic"},
      {"antialias", true},    {"arithmetic", "pillow"}, {"rgb", "after"},
      {"rescale", "div255"},  {"channels", "rgb"},      {"mean", {0.5, 0.25, 0}},
      {"std", {0.5, 0.25, 1}}};
  json["tokenizer"] = {{"kind", "clip_bpe"}, {"files", {{"merges", "tokenizer/bpe.txt"}}},
                       {"context", 8},       {"overflow", "truncate"},
                       {"start", 562},       {"end", 563},
                       {"pad", 0},           {"clean", "open_clip"}};
  json["towers"] = towers();
  json["text_pooling"] = "eot";
  json["logit"] = {{"scale", 100.0}, {"bias", 0}};
  json["probability"] = "softmax";
  Json heads = Json::array();
  heads.push_back({{"type", "zero_shot"}, {"templates", "templates.json"}});
  json["tasks"]["classify"] = {{"preprocess", "default"}, {"heads", heads}};
  json["extends"] = nullptr;
  json["licence"] = "Apache-2.0";
  json["provenance"] = {{"made_by", "tests"}};
  json["reference"] = {{"images", {"reference/0.png", "reference/1.png"}},
                       {"texts", {"a cat", ""}},
                       {"file", "reference/vectors.safetensors"},
                       {"tolerance", {{"embedding", 1e-5}, {"logit", 1e-4}}},
                       {"versions", {{"torch", "2.15.0"}}}};
  json["files"] = Json::object();
  return json;
}

}  // namespace

Files tiny_package() {
  Files files;
  set_manifest(files, manifest().dump(1));
  set_file(files, "towers/image.pt", make_archive(tower_entries(tower_code())));
  set_file(files, "towers/text.pt", make_archive(tower_entries(tower_code()), false));
  set_file(files, "tokenizer/bpe.txt", to_bytes("#version: 0.2\na b\n"));
  set_file(files, "templates.json", to_bytes(R"(["a photo of a {}.", "{}"])"));
  set_file(files, "classes.json", to_bytes(R"(["cat", "dog"])"));
  set_file(files, "reference/0.png", to_bytes("picture 0"));
  set_file(files, "reference/1.png", to_bytes("picture 1"));
  set_file(files, "reference/vectors.safetensors",
           zero_tensors({{"pixels.0", "F32", {3, 8, 8}},
                         {"pixels.1", "F32", {3, 8, 8}},
                         {"ids.0", "I64", Json::array({4})},
                         {"ids.1", "I64", Json::array({2})},
                         {"image_embedding", "F32", {2, 4}},
                         {"text_embedding", "F32", {2, 4}},
                         {"logits", "F32", {2, 2}}}));
  return files;
}

std::string manifest_of(const Files& files) { return to_text(files.at("glint.json")); }

void set_manifest(Files& files, std::string_view json) {
  files["glint.json"] = to_bytes(json);
  files["glint.json.sha256"] = to_bytes(sha256_hex(files["glint.json"]) + "\n");
}

void set_file(Files& files, const std::string& name, Bytes content) {
  Json json = Json::parse(manifest_of(files));
  json["files"][name] = "sha256:" + sha256_hex(content);
  files[name] = std::move(content);
  set_manifest(files, json.dump(1));
}

Files read_files(const std::string& folder) {
  Files files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    files[entry.path().lexically_relative(folder).generic_string()] = to_bytes(content);
  }
  return files;
}

void write_files(const Files& files, const std::string& folder) {
  for (const auto& [name, content] : files) {
    const auto path = std::filesystem::path(folder) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << to_text(content);
  }
}

Files image_only(Files files) {
  const std::string vectors = "reference/vectors.safetensors";
  auto tensors = parse_safetensors(files.at(vectors), "vectors");
  std::erase_if(tensors, [](const auto& entry) {
    return entry.first.starts_with("ids.") || entry.first == "text_embedding" ||
           entry.first == "logits";
  });
  Json manifest = Json::parse(manifest_of(files));
  manifest["tokenizer"] = nullptr;
  manifest["towers"].erase("text");
  manifest["reference"]["texts"] = Json::array();
  for (const char* name : {"towers/text.pt", "tokenizer/bpe.txt.gz"}) {
    manifest["files"].erase(name);
    files.erase(name);
  }
  const Bytes rest = glint::make_safetensors(tensors, {});
  set_manifest(files, manifest.dump());
  set_file(files, vectors, rest);
  return files;
}

Bytes to_bytes(std::string_view text) {
  const auto view = std::as_bytes(std::span(text));
  return Bytes(view.begin(), view.end());
}

std::string to_text(std::span<const std::byte> bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Bytes make_archive(const std::vector<ArchiveEntry>& entries, bool zip64) {
  ByteWriter out;
  std::vector<std::uint64_t> offsets;
  for (const ArchiveEntry& entry : entries) {
    offsets.push_back(out.bytes.size());
    write_local(out, entry);
  }
  const std::uint64_t directory = out.bytes.size();
  for (std::size_t i = 0; i < entries.size(); ++i) write_central(out, entries[i], offsets[i]);
  const std::uint64_t bytes = out.bytes.size() - directory;
  if (zip64) write_end64(out, entries.size(), bytes, directory);
  out.number(0x06054b50, 4).number(0, 4).number(entries.size(), 2).number(entries.size(), 2);
  out.number(bytes, 4).number(directory, 4).number(0, 2);
  return std::move(out.bytes);
}

std::vector<ArchiveEntry> tower_entries(std::string_view code) {
  std::vector<ArchiveEntry> entries;
  entries.push_back({"archive/data/0", Bytes(8)});
  entries.push_back({"archive/data.pkl", pickle("c__torch__.tower\nTower\nq\x01)\x81}b.")});
  entries.push_back({"archive/code/__torch__/tower.py", to_bytes(code)});
  entries.push_back({"archive/constants.pkl", pickle(").")});
  entries.push_back({"archive/.data/version", to_bytes("10\n")});
  entries.push_back({"archive/byteorder", to_bytes("little"), false});
  return entries;
}

std::string_view tower_code() {
  return R"(class Tower(Module):
  __parameters__ = ["weight", ]
  __buffers__ = []
  weight : Tensor
  ops : int
  scale : Final[float] = 2.
  def forward(self: __torch__.tower.Tower,
    x: Tensor) -> Tensor:
    _0 = ops.prim.NumToTensor(torch.size(x, 0))
    if torch.gt(self.ops, 3):
      ops.prim.RaiseException("AssertionError: \342\200\246 don't save")
    else:
      pass
    return torch.mul(torch.linear(x, self.weight), 1.e-05)
)";
}

Bytes make_safetensors(std::string_view header, std::span<const std::byte> data) {
  ByteWriter out;
  out.number(header.size(), 8).text(header).add(data);
  return std::move(out.bytes);
}

}  // namespace glint::test
