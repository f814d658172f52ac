#include "package/json.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "core/check.h"

namespace glint {
namespace {

using Json = nlohmann::json;

// Receives nlohmann's events and builds the tree. A false return stops the parser; `problem` then
// says why. `open_` are the containers that are not closed yet, from the outside in: their
// addresses are stable because a container grows only while it is the innermost one.
class TreeBuilder final : public nlohmann::json_sax<Json> {
 public:
  TreeBuilder(const JsonLimits& limits, std::string_view text) : limits_(limits), text_(text) {}

  JsonNode root;
  std::string problem;

  bool null() override { return add(nullptr) != nullptr; }
  bool boolean(bool value) override { return add(value) != nullptr; }
  bool number_integer(number_integer_t value) override { return add(value) != nullptr; }
  bool number_unsigned(number_unsigned_t value) override {
    constexpr auto kMax = static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max());
    if (value > kMax) return add(static_cast<double>(value)) != nullptr;
    return add(static_cast<std::int64_t>(value)) != nullptr;
  }
  bool number_float(number_float_t value, const string_t&) override {
    return add(value) != nullptr;
  }
  bool string(string_t& value) override { return add(std::move(value)) != nullptr; }
  bool binary(binary_t&) override { return stop("expected text, got binary"); }

  bool start_object(std::size_t) override {
    keys_.emplace_back();
    return open(JsonNode::Object{});
  }
  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second) {
      return stop(cat("expected every key once, got ", quote(name), " twice in an object"));
    }
    std::get<JsonNode::Object>(open_.back()->value).emplace_back(std::move(name), JsonNode{});
    return true;
  }
  bool end_object() override {
    keys_.pop_back();
    open_.pop_back();
    return true;
  }
  bool start_array(std::size_t) override { return open(JsonNode::Array{}); }
  bool end_array() override {
    open_.pop_back();
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    const std::string_view before = text_.substr(0, std::min(position, text_.size()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const bool range = dynamic_cast<const nlohmann::detail::out_of_range*>(&error) != nullptr;
    return stop(cat(range ? "expected finite numbers, got one out of range"
                          : "expected JSON in UTF-8, got something else",
                    " at byte ", position, " (line ", line, ")"));
  }

 private:
  bool stop(std::string why) {
    problem = std::move(why);
    return false;
  }

  // Puts a value into the innermost container. Returns where it lies, or null.
  template <typename T>
  JsonNode* add(T value) {
    if (++values_ > limits_.values) {
      stop(cat("expected at most ", limits_.values, " values, got more"));
      return nullptr;
    }
    JsonNode* const place = next_place();
    place->value.emplace<T>(std::move(value));
    return place;
  }

  JsonNode* next_place() {
    if (open_.empty()) return &root;
    if (auto* array = std::get_if<JsonNode::Array>(&open_.back()->value)) {
      return &array->emplace_back();
    }
    return &std::get<JsonNode::Object>(open_.back()->value).back().second;
  }

  template <typename T>
  bool open(T container) {
    if (open_.size() >= limits_.depth) {
      return stop(cat("expected at most ", limits_.depth, " levels of nesting, got more"));
    }
    JsonNode* const place = add(std::move(container));
    if (place == nullptr) return false;
    open_.push_back(place);
    return true;
  }

  const JsonLimits limits_;
  const std::string_view text_;
  std::size_t values_ = 0;
  std::vector<JsonNode*> open_;
  std::vector<std::set<std::string, std::less<>>> keys_;  // of the open objects
};

}  // namespace

JsonNode parse_json(std::span<const std::byte> text, const JsonLimits& limits,
                    std::string_view where) {
  if (text.size() > limits.bytes) {
    fail(ErrorCode::kCorruptPackage, where, ": expected at most ", limits.bytes, " bytes, got ",
         text.size());
  }
  const std::string_view characters(reinterpret_cast<const char*>(text.data()), text.size());
  TreeBuilder builder(limits, characters);
  if (!Json::sax_parse(characters, &builder)) {
    fail(ErrorCode::kCorruptPackage, where, ": ", builder.problem);
  }
  return std::move(builder.root);
}

std::string json_array(const std::vector<std::string>& strings) {
  try {
    return Json(strings).dump();
  } catch (const Json::exception&) {
    fail(ErrorCode::kInvalidArgument, "expected strings in UTF-8, got other bytes");
  }
}

}  // namespace glint
