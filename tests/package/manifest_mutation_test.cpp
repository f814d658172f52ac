// Changes made everywhere in a manifest by a loop, or at random.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "package/manifest.h"
#include "support/expect_error.h"
#include "support/tiny_package.h"

namespace glint {
namespace {

using Json = nlohmann::ordered_json;
using test::expect_error;

Json sound() { return Json::parse(test::manifest_of(test::tiny_package())); }

ParsedManifest parse(const Json& json) {
  return parse_manifest(test::to_bytes(json.dump()), "glint.json");
}

// As messages write it: /towers/image/methods/forward/inputs/0 -> ....forward.inputs[0].
std::string path_of(const Json::json_pointer& pointer, const Json& root) {
  std::string path;
  const Json* value = &root;
  std::string rest = pointer.to_string();
  while (!rest.empty()) {
    const std::size_t slash = std::min(rest.find('/', 1), rest.size());
    const std::string key = Json::json_pointer(rest.substr(0, slash)).back();
    rest = rest.substr(slash);
    if (value->is_array()) {
      path += "[" + key + "]";
      value = &value->at(std::stoul(key));
      continue;
    }
    const bool plain = key.find_first_of("./") == std::string::npos;
    path += !plain ? "[\"" + key + "\"]" : path.empty() ? key : "." + key;
    value = &value->at(key);
  }
  return path;
}

// Every value of the document but the root.
std::vector<Json::json_pointer> all_values(const Json& root) {
  std::vector<Json::json_pointer> found;
  std::vector<Json::json_pointer> open = {Json::json_pointer()};
  while (!open.empty()) {
    const Json::json_pointer at = open.back();
    open.pop_back();
    const Json& value = root.at(at);
    if (!value.is_structured()) continue;
    for (const auto& item : value.items()) {
      found.push_back(value.is_array() ? at / std::stoul(item.key()) : at / item.key());
      open.push_back(found.back());
    }
  }
  return found;
}

bool is_under(const std::string& pointer, std::initializer_list<const char*> parents) {
  return std::any_of(parents.begin(), parents.end(),
                     [&](const char* parent) { return pointer.starts_with(parent); });
}

TEST(ManifestMutationTest, NamesEveryMissingKey) {
  const Json whole = sound();
  std::size_t removed = 0;
  for (const Json::json_pointer& at : all_values(whole)) {
    Json json = whole;
    Json& parent = json[at.parent_pointer()];
    if (!parent.is_object()) continue;
    // Tables with keys of the package's own choice, and the keys that may be left out.
    const std::string parent_path = at.parent_pointer().to_string();
    if (is_under(at.to_string(), {"/files/", "/provenance/", "/reference/versions/"}) ||
        parent_path == "/preprocess" || parent_path == "/tasks" || at.back() == "templates") {
      continue;
    }
    parent.erase(at.back());
    SCOPED_TRACE(at.to_string());
    expect_error(ErrorCode::kCorruptPackage, path_of(at, whole) + ": missing",
                 [&] { parse(json); });
    ++removed;
  }
  EXPECT_GT(removed, 80U);
}

TEST(ManifestMutationTest, NamesEveryValueOfAWrongType) {
  const Json whole = sound();
  std::size_t changed = 0;
  for (const Json::json_pointer& at : all_values(whole)) {
    for (const Json& wrong : {Json{{"wrong", true}}, Json::array({false}), Json(true), Json(false),
                              Json(-7.5), Json("~"), Json(nullptr)}) {
      Json json = whole;
      json[at] = wrong;
      const std::string pointer = at.to_string();
      const bool same_type = json[at].type() == whole.at(at).type() ||
                             (json[at].is_number() && whole.at(at).is_number());
      // A string where any string will do, null where null has a meaning of its own.
      const bool free_text = is_under(pointer, {"/provenance/", "/licence", "/reference/versions/",
                                                "/reference/texts/"}) &&
                             wrong.is_string();
      const bool free_number =
          is_under(pointer, {"/logit/bias", "/preprocess/default/mean/"}) && wrong.is_number();
      const bool free_null =
          wrong.is_null() &&
          is_under(pointer, {"/tokenizer", "/extends", "/tasks/classify/heads/0/templates"});
      const bool free_object =
          same_type && is_under(pointer, {"/provenance", "/reference/versions", "/files"});
      if (free_text || free_number || free_null || free_object || wrong == whole.at(at)) continue;
      SCOPED_TRACE(pointer + " = " + wrong.dump());
      expect_error(ErrorCode::kCorruptPackage, path_of(at, whole), [&] { parse(json); });
      ++changed;
    }
  }
  EXPECT_GT(changed, 700U);
}

TEST(ManifestMutationTest, NamesAnUnknownKeyInEveryObject) {
  const Json whole = sound();
  for (const Json::json_pointer& at : all_values(whole)) {
    if (!whole.at(at).is_object()) continue;
    if (is_under(at.to_string(), {"/files", "/provenance", "/reference/versions"}) ||
        at.to_string() == "/preprocess") {
      continue;
    }
    Json json = whole;
    json[at]["surplus"] = 1;
    SCOPED_TRACE(at.to_string());
    // Towers, methods and tasks may have any name, but are objects.
    const std::string pointer = at.to_string();
    const bool open = pointer == "/towers" || pointer == "/tasks" || at.back() == "methods";
    expect_error(
        ErrorCode::kCorruptPackage,
        path_of(at, whole) + (open ? ".surplus: expected an object" : ".surplus: unknown key"),
        [&] { parse(json); });
  }
  Json json = whole;
  json["surplus"] = 1;
  expect_error(ErrorCode::kCorruptPackage, "surplus: unknown key", [&] { parse(json); });
}

TEST(ManifestMutationTest, SurvivesRandomMutations) {
  std::mt19937 random(3);
  const test::Bytes sound_text = test::to_bytes(sound().dump());
  for (int i = 0; i < 2000; ++i) {
    test::Bytes text = sound_text;
    for (auto n = random() % 4 + 1; n > 0; --n) {
      text[random() % text.size()] = static_cast<std::byte>(random() & 0xff);
    }
    test::error_of([&] { parse_manifest(text, "m"); });
  }
}

TEST(ManifestMutationTest, SurvivesRandomChangesOfValues) {
  std::mt19937 random(5);
  const Json whole = sound();
  const auto values = all_values(whole);
  for (int i = 0; i < 1000; ++i) {
    Json json = whole;
    json[values[random() % values.size()]] = whole.at(values[random() % values.size()]);
    test::error_of([&] { parse(json); });
  }
}

}  // namespace
}  // namespace glint
