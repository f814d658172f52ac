// A small package that extends the tiny one.
#pragma once

#include <glint/package.h>

#include <nlohmann/json.hpp>
#include <string>

#include "support/tiny_package.h"

namespace glint::test::extension {

using Json = nlohmann::ordered_json;

inline void add_block(Files& files, const std::string& name) {
  set_file(files, "towers/" + name + ".pt", make_archive(tower_entries(tower_code())));
}

inline Json block_json(const std::string& name) {
  const auto port = [](const std::string& port_name) {
    return Json{{"name", port_name}, {"dtype", "f32"}, {"shape", {"B", 4}}};
  };
  Json forward;
  forward["inputs"] = Json::array({port("x")});
  forward["outputs"] = Json::array({port("y")});
  Json json{{"file", "towers/" + name + ".pt"}, {"dtype", "f32"}, {"storage", "f32"}};
  json["methods"]["forward"] = forward;
  return json;
}

// The manifest of a package that adds a block, a task, templates and classes to `base`.
inline Json manifest_json(const Package& base) {
  Json json;
  json["format_version"] = 1;
  json["name"] = "tiny-more";
  json["family"] = "clip";
  json["extends"] = {{"name", base.manifest().name}, {"digest", base.digest()}};
  json["towers"]["adapter"] = block_json("adapter");
  json["tasks"]["classify"] = {
      {"preprocess", "default"},
      {"heads", Json::array({{{"type", "zero_shot"}, {"templates", "templates.json"}}})}};
  json["licence"] = "MIT";
  json["provenance"] = {{"made_by", "tests"}};
  json["reference"] = {{"calls", Json::array({{{"tower", "adapter"}, {"method", "forward"}}})},
                       {"file", "reference/vectors.safetensors"},
                       {"tolerance", {{"embedding", 1e-5}, {"logit", 1e-4}}},
                       {"versions", {{"torch", "2.15.0"}}}};
  json["files"] = Json::object();
  return json;
}

inline Files extension_files(const Json& json) {
  Files files;
  set_manifest(files, json.dump(1));
  add_block(files, "adapter");
  set_file(files, "templates.json", to_bytes(R"(["my {}"])"));
  set_file(files, "classes.json", to_bytes(R"(["ship"])"));
  set_file(files, "reference/vectors.safetensors",
           make_safetensors(
               R"({"calls.0.inputs.x":{"dtype":"F32","shape":[1,4],"data_offsets":[0,16]},)"
               R"("calls.0.outputs.y":{"dtype":"F32","shape":[1,4],"data_offsets":[16,32]}})",
               Bytes(32)));
  return files;
}

inline const Package& base() {
  static const Package opened = Package::from_memory(tiny_package(), "base");
  return opened;
}

inline Package open_extension(const Json& json) {
  return Package::from_memory(extension_files(json), "more", {.bases = {base()}});
}

inline Json sound() { return manifest_json(base()); }

}  // namespace glint::test::extension
