#include "package/manifest.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "core/check.h"
#include "package/json.h"
#include "package/json_reader.h"
#include "package/manifest_parts.h"
#include "package/paths.h"
#include "package/sha256.h"

namespace glint {
namespace {

constexpr JsonLimits kLimits = {.bytes = std::size_t{1} << 20, .depth = 32, .values = 100'000};
constexpr std::int64_t kFormatVersion = 1;
constexpr std::int64_t kMaxEmbedDim = 65'536;
constexpr std::size_t kMaxFiles = 1'000;
constexpr std::size_t kMaxReferenceImages = 16;
constexpr std::size_t kMaxReferenceTexts = 64;
constexpr std::size_t kMaxReferenceCalls = 256;

FileTable read_files(const JsonReader& json) {
  constexpr std::string_view kScheme = "sha256:";
  FileTable files;
  for (const auto& [path, value] : json.members(0, kMaxFiles)) {
    if (!is_package_path(path)) {
      value.problem(cat("expected ", kPackagePathRule));
    } else if (path == kManifestName || path == kManifestDigestName) {
      value.problem("expected no entry for the manifest itself");
    }
    const auto digest = value.string();
    if (!digest) continue;
    if (!digest->starts_with(kScheme) || !is_sha256_hex(digest->substr(kScheme.size()))) {
      value.expected("\"sha256:\" and 64 lower-case hex digits");
      continue;
    }
    files.emplace(path, digest->substr(kScheme.size()));
  }
  return files;
}

LogitSpec read_logit(const JsonReader& json) {
  const JsonObject fields = json.object({"scale", "bias"});
  LogitSpec logit;
  logit.scale = fields["scale"].positive_number().value_or(0);
  logit.bias = fields["bias"].number().value_or(0);
  return logit;
}

std::vector<std::string> read_texts(const JsonReader& json, bool with_text) {
  std::vector<std::string> texts;
  const std::size_t max = with_text ? kMaxReferenceTexts : 0;
  for (const JsonReader& item : json.items(with_text ? 1 : 0, max)) {
    texts.push_back(item.string().value_or(""));
  }
  return texts;
}

ReferenceSpec::Call read_call(const JsonReader& json, const Manifest& manifest) {
  const JsonObject fields = json.object({"tower", "method"});
  ReferenceSpec::Call call{fields["tower"].string().value_or(""),
                           fields["method"].string().value_or("")};
  const auto tower = manifest.towers.find(call.tower);
  if (tower == manifest.towers.end()) {
    fields["tower"].expected("a name in towers");
  } else if (!tower->second.methods.contains(call.method)) {
    fields["method"].expected(cat("a method of towers.", call.tower));
  }
  return call;
}

ReferenceSpec read_reference(const JsonReader& json, const Manifest& manifest) {
  ReferenceSpec reference;
  const JsonObject fields =
      json.object({"images", "texts", "file", "tolerance", "versions"}, {"calls"});
  for (const JsonReader& item : fields["images"].items(1, kMaxReferenceImages)) {
    reference.images.push_back(read_listed_path(item, manifest.files));
  }
  if (fields.has("calls")) {
    for (const JsonReader& item : fields["calls"].items(0, kMaxReferenceCalls)) {
      reference.calls.push_back(read_call(item, manifest));
    }
  }
  reference.texts = read_texts(fields["texts"], manifest.towers.contains("text"));
  reference.file = read_listed_path(fields["file"], manifest.files);
  const JsonObject tolerance = fields["tolerance"].object({"embedding", "logit"});
  reference.embedding_tolerance = tolerance["embedding"].positive_number().value_or(0);
  reference.logit_tolerance = tolerance["logit"].positive_number().value_or(0);
  reference.versions = fields["versions"].strings();
  return reference;
}

// The keys that hold a single fact.
void read_facts(const JsonObject& fields, Manifest& manifest) {
  manifest.name = fields["name"].string().value_or("");
  if (fields["name"].present() && !is_package_name(manifest.name)) {
    fields["name"].expected("a name [a-z0-9][a-z0-9._-]* of at most 64 bytes");
  }
  fields["family"].one_of({"clip"});
  manifest.family = "clip";
  manifest.embed_dim = fields["embed_dim"].integer(1, kMaxEmbedDim).value_or(0);
  constexpr std::string_view kActivations[] = {"quick_gelu", "gelu"};
  manifest.activation =
      kActivations[fields["activation"].one_of({"quick_gelu", "gelu"}).value_or(0)];
  fields["text_pooling"].one_of({"eot"});
  fields["probability"].one_of({"softmax"});
  fields["extends"].null();
  manifest.licence = fields["licence"].string(1).value_or("");
  manifest.provenance = fields["provenance"].strings();
}

// A later format may look entirely different, so its version is looked at before anything else.
void check_version(const JsonNode& root, std::string_view where) {
  if (!std::holds_alternative<JsonNode::Object>(root.value)) return;
  for (const auto& [key, value] : std::get<JsonNode::Object>(root.value)) {
    if (key != "format_version") continue;
    const auto* const version = std::get_if<std::int64_t>(&value.value);
    if (version != nullptr && *version > kFormatVersion) {
      fail(ErrorCode::kUnsupported, where, ": expected format_version ", kFormatVersion, ", got ",
           *version, ", which needs a later glint");
    }
  }
}

}  // namespace

std::string read_listed_path(const JsonReader& json, const FileTable& files) {
  const auto path = json.string();
  if (!path) return "";
  if (!is_package_path(*path)) {
    json.expected(kPackagePathRule);
  } else if (!files.contains(*path)) {
    json.expected("a file that is listed in files");
  } else {
    return *path;
  }
  return "";
}

ParsedManifest parse_manifest(std::span<const std::byte> text, std::string_view where) {
  const JsonNode tree = parse_json(text, kLimits, where);
  check_version(tree, where);
  Problems problems;
  const JsonReader root(tree, problems);
  const JsonObject fields =
      root.object({"format_version", "name", "family", "embed_dim", "activation", "preprocess",
                   "tokenizer", "towers", "text_pooling", "logit", "probability", "tasks",
                   "extends", "licence", "provenance", "reference", "files"});
  ParsedManifest parsed;
  Manifest& manifest = parsed.manifest;
  fields["format_version"].integer(kFormatVersion, kFormatVersion, cat(kFormatVersion));
  read_facts(fields, manifest);
  manifest.files = read_files(fields["files"]);
  manifest.preprocess = read_preprocess(fields["preprocess"]);
  if (fields["tokenizer"].present() && !fields["tokenizer"].is_null()) {
    manifest.tokenizer = read_tokenizer(fields["tokenizer"], manifest.files, manifest.merges_file);
  }
  manifest.towers = read_towers(fields["towers"], manifest, manifest.tokenizer.has_value());
  manifest.logit = read_logit(fields["logit"]);
  read_tasks(fields["tasks"], parsed);
  manifest.reference = read_reference(fields["reference"], manifest);
  problems.throw_if_any(ErrorCode::kCorruptPackage, where);
  return parsed;
}

}  // namespace glint
