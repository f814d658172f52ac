// Reading a JSON tree that must have a known form, and collecting everything that is wrong.
//
//   Problems problems;
//   const JsonReader root(tree, problems);
//   const JsonObject fields = root.object({"size", "name"});
//   const std::int64_t size = fields["size"].integer(1, 4096).value_or(0);
//   problems.throw_if_any(ErrorCode::kCorruptPackage, "glint.json");
//
// A reader of a missing or wrong value is absent: its problem is already noted, and everything
// read from it is empty and notes nothing more.
#pragma once

#include <glint/error.h>

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "package/json.h"

namespace glint {

// What is wrong with a document, in the order it was found.
class Problems {
 public:
  // `path` may be empty: the whole document.
  void add(std::string_view path, std::string_view what);
  bool any() const { return count_ > 0; }
  // One sentence that names them all (the first 100, and how many more).
  void throw_if_any(ErrorCode code, std::string_view where) const;

 private:
  std::vector<std::string> lines_;
  std::size_t count_ = 0;
};

class JsonObject;

// A place in the document. Cheap to copy; the tree and the problems must outlive it.
class JsonReader {
 public:
  JsonReader(const JsonNode& root, Problems& problems) : JsonReader(&root, "", problems) {}

  bool present() const { return node_ != nullptr; }
  bool is_null() const;
  bool is_string() const;
  bool is_bool() const;
  bool is_number() const;
  const std::string& path() const { return path_; }  // towers.image.methods.forward.inputs[0]

  // An object with exactly these keys: missing and unknown ones are noted.
  JsonObject object(std::initializer_list<std::string_view> required,
                    std::initializer_list<std::string_view> optional = {}) const;
  // An object with any keys, and an array, of min to max entries.
  std::vector<std::pair<std::string, JsonReader>> members(std::size_t min, std::size_t max) const;
  std::vector<JsonReader> items(std::size_t min, std::size_t max) const;

  // `what`: how the message describes it; empty for "an integer from min to max".
  std::optional<std::int64_t> integer(std::int64_t min, std::int64_t max,
                                      std::string_view what = {}) const;
  // Finite, also as a 32-bit float.
  std::optional<double> number() const;
  std::optional<double> positive_number() const;
  // `min` to `max` bytes.
  std::optional<std::string> string(std::size_t min = 0, std::size_t max = 65'536) const;
  // The position of the value among `choices`.
  std::optional<std::size_t> one_of(std::initializer_list<std::string_view> choices) const;
  std::optional<bool> boolean() const;
  std::map<std::string, std::string, std::less<>> strings() const;  // an object of strings

  // Notes "expected <what>, got <this value>".
  void expected(std::string_view what) const;
  // Notes that a key of this object is missing.
  void missing(std::string_view key) const;
  // Notes any other problem at this place.
  void problem(std::string_view what) const;
  // Whether anything was noted, here or elsewhere.
  bool any_problem() const { return problems_->any(); }

 private:
  friend class JsonObject;
  JsonReader(const JsonNode* node, std::string path, Problems& problems)
      : node_(node), path_(std::move(path)), problems_(&problems) {}
  JsonReader child(const JsonNode& node, std::string_view key) const;
  template <typename T>
  const T* get() const {
    return node_ == nullptr ? nullptr : std::get_if<T>(&node_->value);
  }

  const JsonNode* node_;
  std::string path_;
  Problems* problems_;
};

// The fields of an object, by name.
class JsonObject {
 public:
  // Absent when the object has no such key.
  JsonReader operator[](std::string_view key) const;
  bool has(std::string_view key) const { return (*this)[key].present(); }
  // Notes that an optional key, which other values make due, is missing.
  void missing(std::string_view key) const { (*this)[key].problem("missing"); }

 private:
  friend class JsonReader;
  explicit JsonObject(JsonReader reader) : reader_(std::move(reader)) {}
  JsonReader reader_;
};

}  // namespace glint
