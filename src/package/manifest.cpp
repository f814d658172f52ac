#include "package/manifest.h"

#include <algorithm>
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

constexpr JsonLimits kLimits = {.bytes = kMaxManifestBytes, .depth = 32, .values = 100'000};
constexpr std::int64_t kMaxEmbedDim = 65'536;
constexpr std::size_t kMaxFiles = 1'000;
constexpr std::size_t kMaxReferenceImages = 16;
constexpr std::size_t kMaxReferenceTexts = 64;
constexpr std::size_t kMaxReferenceCalls = 256;

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

// A package that stands alone.
void read_whole(const JsonReader& root, ParsedManifest& parsed) {
  const JsonObject fields =
      root.object({"format_version", "name", "family", "embed_dim", "activation", "preprocess",
                   "tokenizer", "towers", "text_pooling", "logit", "probability", "tasks",
                   "extends", "licence", "provenance", "reference", "files"});
  Manifest& manifest = parsed.manifest;
  fields["format_version"].integer(kFormatVersion, kFormatVersion, cat(kFormatVersion));
  read_identity(fields, manifest);
  if (fields["extends"].present() && !fields["extends"].is_null()) {
    fields["extends"].expected("null or an object");
  }
  constexpr std::string_view kFamilies[] = {"clip", "lseg", "groupvit"};
  manifest.family = kFamilies[fields["family"].one_of({"clip", "lseg", "groupvit"}).value_or(0)];
  manifest.embed_dim = fields["embed_dim"].integer(1, kMaxEmbedDim).value_or(0);
  constexpr std::string_view kActivations[] = {"quick_gelu", "gelu"};
  manifest.activation =
      kActivations[fields["activation"].one_of({"quick_gelu", "gelu"}).value_or(0)];
  fields["text_pooling"].one_of({"eot"});
  fields["probability"].one_of({"softmax"});
  manifest.files = read_files(fields["files"]);
  manifest.preprocess = read_preprocess(fields["preprocess"]);
  if (fields["tokenizer"].present() && !fields["tokenizer"].is_null()) {
    manifest.tokenizer = read_tokenizer(fields["tokenizer"], manifest.files, manifest.merges_file);
  }
  manifest.towers = read_towers(fields["towers"], manifest, manifest.tokenizer.has_value());
  manifest.logit = read_logit(fields["logit"]);
  read_tasks(fields["tasks"], parsed);
  manifest.reference = read_reference(fields["reference"], manifest);
}

const JsonNode* member(const JsonNode& node, std::string_view key) {
  const auto* const object = std::get_if<JsonNode::Object>(&node.value);
  if (object == nullptr) return nullptr;
  const auto found = std::ranges::find(*object, key, &JsonNode::Object::value_type::first);
  return found == object->end() ? nullptr : &found->second;
}

// A later format may look entirely different, so its version is looked at before anything else.
void check_version(const JsonNode& root, std::string_view where) {
  const JsonNode* const node = member(root, "format_version");
  const auto* const version = node == nullptr ? nullptr : std::get_if<std::int64_t>(&node->value);
  if (version != nullptr && *version > kFormatVersion) {
    fail(ErrorCode::kUnsupported, where, ": expected format_version ", kFormatVersion, ", got ",
         *version, ", which needs a later glint");
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

void read_identity(const JsonObject& fields, Manifest& manifest) {
  manifest.name = fields["name"].string().value_or("");
  if (fields["name"].present() && !is_package_name(manifest.name)) {
    fields["name"].expected("a name [a-z0-9][a-z0-9._-]* of at most 64 bytes");
  }
  manifest.licence = fields["licence"].string(1).value_or("");
  manifest.provenance = fields["provenance"].strings();
}

// A package that extends another one may record less than one that is whole.
ReferenceSpec read_reference(const JsonReader& json, const Manifest& manifest) {
  ReferenceSpec reference;
  const JsonObject fields =
      manifest.extends
          ? json.object({"file", "tolerance", "versions"}, {"images", "texts", "calls"})
          : json.object({"images", "texts", "file", "tolerance", "versions"}, {"calls"});
  for (const JsonReader& item : fields["images"].items(1, kMaxReferenceImages)) {
    reference.images.push_back(read_listed_path(item, manifest.files));
  }
  for (const JsonReader& item : fields["calls"].items(0, kMaxReferenceCalls)) {
    reference.calls.push_back(read_call(item, manifest));
  }
  const bool with_text = manifest.towers.contains("text");
  for (const JsonReader& item :
       fields["texts"].items(with_text ? 1 : 0, with_text ? kMaxReferenceTexts : 0)) {
    reference.texts.push_back(item.string().value_or(""));
  }
  if (json.present() && reference.images.empty() && reference.texts.empty() &&
      reference.calls.empty() && manifest.extends) {
    json.problem("expected images, texts or calls, got none");
  }
  reference.file = read_listed_path(fields["file"], manifest.files);
  const JsonObject tolerance = fields["tolerance"].object({"embedding", "logit"});
  reference.embedding_tolerance = tolerance["embedding"].positive_number().value_or(0);
  reference.logit_tolerance = tolerance["logit"].positive_number().value_or(0);
  reference.versions = fields["versions"].strings();
  return reference;
}

ParsedManifest parse_manifest(std::span<const std::byte> text, std::string_view where,
                              const FindBase& find_base) {
  const JsonNode tree = parse_json(text, kLimits, where);
  check_version(tree, where);
  Problems problems;
  const JsonReader root(tree, problems);
  ParsedManifest parsed;
  const JsonNode* const extends = member(tree, "extends");
  if (extends != nullptr && std::holds_alternative<JsonNode::Object>(extends->value)) {
    read_extension(root, find_base, parsed);
  } else {
    read_whole(root, parsed);
  }
  problems.throw_if_any(ErrorCode::kCorruptPackage, where);
  return parsed;
}

}  // namespace glint
