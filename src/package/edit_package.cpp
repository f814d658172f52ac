#include "package/edit_package.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "core/check.h"
#include "package/json.h"
#include "package/paths.h"
#include "package/reference.h"
#include "package/safetensors.h"
#include "package/sha256.h"

namespace glint {
namespace {

using Json = nlohmann::json;  // keys in order, as the exporter writes them

constexpr const char* kTemplates = "templates.json";
constexpr const char* kVectors = "reference/vectors.safetensors";

std::vector<std::byte> to_bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Json manifest_of(const Package& package) {
  const auto bytes = package.file(kManifestName);
  return Json::parse(reinterpret_cast<const char*>(bytes.data()),
                     reinterpret_cast<const char*>(bytes.data() + bytes.size()));
}

StoredTensor stored(const Tensor& tensor) {
  const auto shape = tensor.shape();
  const auto bytes =
      tensor.dtype() == DType::kI64 ? std::as_bytes(tensor.ints()) : std::as_bytes(tensor.floats());
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return {.dtype = tensor.dtype(),
          .shape = {shape.begin(), shape.end()},
          .count = count,
          .bytes = bytes};
}

class Editor {
 public:
  Editor(const Package& package, const PackageEdit& edit)
      : package_(package), base_(package.base().value_or(package)), edit_(edit) {}

  PackageFiles run() {
    const Json from = manifest_of(package_);
    Json manifest = {{"format_version", 1},
                     {"name", edit_.name},
                     {"family", from.at("family")},
                     {"extends", {{"name", base_.manifest().name}, {"digest", base_.digest()}}},
                     {"licence", from.at("licence")},
                     {"logit", {{"scale", edit_.logit.scale}, {"bias", edit_.logit.bias}}}};
    manifest["provenance"] = from.at("provenance");
    for (const auto& [key, value] : edit_.provenance) manifest["provenance"][key] = value;
    if (package_.base()) take_own_parts(from, manifest);
    manifest["tasks"][edit_.task] = task(from.at("tasks").at(edit_.task));
    add_reference(from, manifest);
    files_[std::string(kClassesName)] = to_bytes(json_array(edit_.classes) + "\n");
    seal(std::move(manifest));
    return std::move(files_);
  }

 private:
  void keep(const std::string& path) {
    const auto bytes = package_.file(path);
    files_[path] = {bytes.begin(), bytes.end()};
  }

  // Blocks and preprocesses that the base does not have.
  void take_own_parts(const Json& from, Json& manifest) {
    for (const char* key : {"towers", "preprocess"}) {
      if (from.contains(key)) manifest[key] = from.at(key);
    }
    for (const auto& [name, tower] : package_.manifest().towers) {
      if (!base_.manifest().towers.contains(name)) keep(tower.file);
    }
  }

  Json task(Json task) {
    Json& heads = task.at("heads");
    if (edit_.replaces_last) heads.erase(heads.size() - 1);
    for (const Json& head : heads) {
      for (const char* key : {"templates", "tensors"}) {
        if (head.contains(key) && head.at(key).is_string()) keep(head.at(key));
      }
    }
    if (!edit_.templates.empty() && !heads.empty()) {
      heads.front()["templates"] = kTemplates;
      files_[kTemplates] = to_bytes(json_array(edit_.templates) + "\n");
    }
    const std::string tensors = free_path(cat("tensors/", edit_.head));
    files_[tensors] = edit_.tensors;
    heads.push_back({{"type", edit_.head}, {"tensors", tensors}, {"parameters", edit_.parameters}});
    return task;
  }

  // "STEM.safetensors", or the first numbered one that nothing has.
  std::string free_path(const std::string& stem) const {
    std::string path = stem + ".safetensors";
    for (int i = 2; files_.contains(path) || lent(path); ++i) {
      path = cat(stem, "-", i, ".safetensors");
    }
    return path;
  }

  bool lent(const std::string& path) const {
    const auto& extends = package_.manifest().extends;
    return extends ? extends->files.contains(path) : base_.manifest().files.contains(path);
  }

  // The reference's numbers, its logits in the new scale: cosines are what was recorded.
  std::vector<std::byte> vectors() const {
    const std::string& path = package_.manifest().reference.file;
    const auto bytes = package_.file(path);
    StoredTensors tensors = parse_safetensors(bytes, path);
    const auto logits = tensors.find("logits");
    const LogitSpec& before = package_.manifest().logit;
    const LogitSpec& after = edit_.logit;
    if (logits == tensors.end() || (before.scale == after.scale && before.bias == after.bias)) {
      return {bytes.begin(), bytes.end()};
    }
    std::vector<float> values = stored_floats(logits->second);
    for (float& value : values) {
      const double cosine = (static_cast<double>(value) - before.bias) / before.scale;
      value = static_cast<float>(cosine * after.scale + after.bias);
    }
    logits->second.bytes = std::as_bytes(std::span(values));
    return make_safetensors(tensors, parse_safetensors_metadata(bytes, path));
  }

  // An extension's own reference goes on saying what its towers answer. What a base answers to its
  // pictures and texts is the base's to say, unless there is nothing else.
  void add_reference(const Json& from, Json& manifest) {
    const ReferenceSpec& own = package_.manifest().reference;
    if (package_.base() || edit_.calls.empty()) {
      manifest["reference"] = from.at("reference");
      files_[own.file] = vectors();
      for (const std::string& picture : own.images) keep(picture);
      return;
    }
    StoredTensors tensors;
    Json calls = Json::array();
    for (std::size_t i = 0; i < edit_.calls.size(); ++i) {
      const PackageEdit::Call& call = edit_.calls[i];
      calls.push_back({{"tower", call.tower}, {"method", call.method}});
      for (const auto& [port, value] : call.inputs) {
        tensors.emplace(call_input(i, port), stored(value));
      }
      for (const auto& [port, value] : call.outputs) {
        tensors.emplace(call_output(i, port), stored(value));
      }
    }
    files_[kVectors] = make_safetensors(tensors, {});
    manifest["reference"] = {
        {"file", kVectors},
        {"calls", std::move(calls)},
        {"tolerance", {{"embedding", own.embedding_tolerance}, {"logit", own.logit_tolerance}}},
        {"versions", edit_.versions}};
  }

  void seal(Json manifest) {
    Json listed = Json::object();
    for (const auto& [path, bytes] : files_) listed[path] = "sha256:" + sha256_hex(bytes);
    manifest["files"] = std::move(listed);
    std::string text;
    try {
      text = manifest.dump(2) + "\n";
    } catch (const Json::exception&) {  // of a string that is not UTF-8
      fail(ErrorCode::kInvalidArgument, "expected names in UTF-8 for package ", quote(edit_.name));
    }
    files_[std::string(kManifestName)] = to_bytes(text);
    const std::string digest = sha256_hex(files_.find(kManifestName)->second) + "\n";
    files_[std::string(kManifestDigestName)] = to_bytes(digest);
  }

  const Package& package_;
  Package base_;
  const PackageEdit& edit_;
  PackageFiles files_;
};

}  // namespace

PackageFiles edit_package(const Package& package, const PackageEdit& edit) {
  return Editor(package, edit).run();
}

PackageFiles own_files(const Package& package) {
  PackageFiles files;
  const auto add = [&](const std::string& path) {
    const auto bytes = package.file(path);
    files[path] = {bytes.begin(), bytes.end()};
  };
  const auto& extends = package.manifest().extends;
  for (const auto& [path, digest] : package.manifest().files) {
    if (!extends || !extends->files.contains(path)) add(path);
  }
  add(std::string(kManifestName));
  files[std::string(kManifestDigestName)] = to_bytes(package.digest() + "\n");
  return files;
}

}  // namespace glint
