// The tasks and their heads. What a head's type needs is checked where the type is known: by the
// factory that makes the head.
#include <cstddef>
#include <utility>

#include "core/check.h"
#include "package/manifest_parts.h"
#include "package/paths.h"

namespace glint {
namespace {

constexpr std::size_t kMaxTasks = 64;
constexpr std::size_t kMaxHeads = 16;
constexpr std::size_t kMaxParameters = 256;

HeadSpec::Parameter read_parameter(const JsonReader& json) {
  if (json.is_bool()) return json.boolean().value_or(false);
  if (json.is_string()) return json.string().value_or("");
  if (!json.is_number()) json.expected("a number, a string, true or false");
  return json.is_number() ? json.number().value_or(0) : 0;
}

// A head and the file of its templates.
std::pair<HeadSpec, std::optional<std::string>> read_head(const JsonReader& json,
                                                          const FileTable& files) {
  const JsonObject fields = json.object({"type"}, {"templates", "parameters", "tensors"});
  HeadSpec head;
  head.type = fields["type"].string().value_or("");
  if (fields.has("type") && !is_package_name(head.type)) {
    fields["type"].expected("a name [a-z0-9][a-z0-9._-]* of at most 64 bytes");
  }
  if (fields.has("parameters")) {
    for (const auto& [name, value] : fields["parameters"].members(0, kMaxParameters)) {
      head.parameters.emplace(name, read_parameter(value));
    }
  }
  if (fields.has("tensors") && !fields["tensors"].is_null()) {
    head.tensors = read_listed_path(fields["tensors"], files);
    if (!head.tensors.empty() && !head.tensors.ends_with(".safetensors")) {
      fields["tensors"].expected("a safetensors file");
    }
  }
  std::optional<std::string> templates;
  if (fields.has("templates") && !fields["templates"].is_null()) {
    templates = read_listed_path(fields["templates"], files);
  }
  return {std::move(head), std::move(templates)};
}

}  // namespace

void read_tasks(const JsonReader& json, ParsedManifest& parsed) {
  Manifest& manifest = parsed.manifest;
  for (const auto& [name, value] : json.members(0, kMaxTasks)) {
    if (!is_package_name(name)) {
      value.problem("expected a name [a-z0-9][a-z0-9._-]* of at most 64 bytes");
    }
    const JsonObject fields = value.object({"preprocess", "heads"});
    TaskSpec task;
    task.preprocess = fields["preprocess"].string().value_or("");
    if (!manifest.preprocess.contains(task.preprocess)) {
      fields["preprocess"].expected("a name in preprocess");
    }
    auto& templates = parsed.templates[name];
    for (const JsonReader& item : fields["heads"].items(1, kMaxHeads)) {
      auto [head, file] = read_head(item, manifest.files);
      task.heads.push_back(std::move(head));
      templates.push_back(std::move(file));
    }
    manifest.tasks.emplace(name, std::move(task));
  }
}

}  // namespace glint
