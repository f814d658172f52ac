#include "package/json_reader.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace glint {
namespace {

constexpr std::size_t kMaxLines = 100;

bool contains(std::initializer_list<std::string_view> list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool is_plain_key(std::string_view key) {
  return !key.empty() && key.size() <= 80 && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-';
  });
}

std::string child_path(const std::string& path, std::string_view key) {
  if (!is_plain_key(key)) return cat(path, "[", quote(key), "]");
  return path.empty() ? std::string(key) : cat(path, ".", key);
}

// What a value is, for a message.
std::string shown(const JsonNode& node) {
  struct Visitor {
    std::string operator()(std::nullptr_t) const { return "null"; }
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(std::int64_t value) const { return cat(value); }
    std::string operator()(double value) const { return cat(value); }
    std::string operator()(const std::string& value) const { return quote(value); }
    std::string operator()(const JsonNode::Array& value) const {
      return cat("an array of ", value.size());
    }
    std::string operator()(const JsonNode::Object&) const { return "an object"; }
  };
  return std::visit(Visitor{}, node.value);
}

std::string count_of(std::size_t min, std::size_t max, std::string_view what) {
  if (max == std::numeric_limits<std::size_t>::max()) return cat(what, " of at least ", min);
  return cat(what, " of ", min, " to ", max);
}

}  // namespace

void Problems::add(std::string_view path, std::string_view what) {
  ++count_;
  if (lines_.size() == kMaxLines) return;
  lines_.push_back(path.empty() ? std::string(what) : cat(path, ": ", what));
}

void Problems::throw_if_any(ErrorCode code, std::string_view where) const {
  if (!any()) return;
  std::string message(where);
  message += count_ == 1 ? ": " : cat(": ", count_, " problems: ");
  for (std::size_t i = 0; i < lines_.size(); ++i) message += (i == 0 ? "" : "; ") + lines_[i];
  if (count_ > lines_.size()) message += cat("; and ", count_ - lines_.size(), " more");
  throw Error(code, message);
}

bool JsonReader::is_null() const { return get<std::nullptr_t>() != nullptr; }
bool JsonReader::is_string() const { return get<std::string>() != nullptr; }
bool JsonReader::is_bool() const { return get<bool>() != nullptr; }
bool JsonReader::is_number() const {
  return get<std::int64_t>() != nullptr || get<double>() != nullptr;
}

void JsonReader::problem(std::string_view what) const { problems_->add(path_, what); }

void JsonReader::expected(std::string_view what) const {
  if (present()) problem(cat("expected ", what, ", got ", shown(*node_)));
}

void JsonReader::missing(std::string_view key) const {
  problems_->add(child_path(path_, key), "missing");
}

JsonReader JsonReader::child(const JsonNode& node, std::string_view key) const {
  return JsonReader(&node, child_path(path_, key), *problems_);
}

JsonObject JsonReader::object(std::initializer_list<std::string_view> required,
                              std::initializer_list<std::string_view> optional) const {
  const auto* const fields = get<JsonNode::Object>();
  if (fields == nullptr) {
    expected("an object");
    return JsonObject(JsonReader(nullptr, path_, *problems_));
  }
  for (const std::string_view key : required) {
    const bool there = std::any_of(fields->begin(), fields->end(),
                                   [&](const auto& field) { return field.first == key; });
    if (!there) missing(key);
  }
  for (const auto& [key, value] : *fields) {
    if (!contains(required, key) && !contains(optional, key)) {
      child(value, key).problem("unknown key");
    }
  }
  return JsonObject(*this);
}

JsonReader JsonObject::operator[](std::string_view key) const {
  if (const auto* const fields = reader_.get<JsonNode::Object>()) {
    for (const auto& [name, value] : *fields) {
      if (name == key) return reader_.child(value, key);
    }
  }
  return JsonReader(nullptr, child_path(reader_.path_, key), *reader_.problems_);
}

std::vector<std::pair<std::string, JsonReader>> JsonReader::members(std::size_t min,
                                                                    std::size_t max) const {
  std::vector<std::pair<std::string, JsonReader>> out;
  const auto* const fields = get<JsonNode::Object>();
  if (fields == nullptr || fields->size() < min || fields->size() > max) {
    if (fields == nullptr) {
      expected("an object");
    } else {
      problem(cat("expected ", count_of(min, max, "an object"), " entries, got ", fields->size()));
    }
    return out;
  }
  out.reserve(fields->size());
  for (const auto& [key, value] : *fields) out.emplace_back(key, child(value, key));
  return out;
}

std::vector<JsonReader> JsonReader::items(std::size_t min, std::size_t max) const {
  std::vector<JsonReader> out;
  const auto* const array = get<JsonNode::Array>();
  if (array == nullptr || array->size() < min || array->size() > max) {
    expected(min == max ? cat("an array of ", min) : count_of(min, max, "an array"));
    return out;
  }
  out.reserve(array->size());
  for (std::size_t i = 0; i < array->size(); ++i) {
    out.push_back(JsonReader(&(*array)[i], cat(path_, "[", i, "]"), *problems_));
  }
  return out;
}

std::optional<std::int64_t> JsonReader::integer(std::int64_t min, std::int64_t max,
                                                std::string_view what) const {
  const auto* const value = get<std::int64_t>();
  if (value != nullptr && *value >= min && *value <= max) return *value;
  expected(what.empty() ? cat("an integer from ", min, " to ", max) : std::string(what));
  return std::nullopt;
}

std::optional<double> JsonReader::number() const {
  std::optional<double> value;
  if (const auto* const whole = get<std::int64_t>()) value = static_cast<double>(*whole);
  if (const auto* const real = get<double>()) value = *real;
  if (value && std::abs(*value) <= std::numeric_limits<float>::max()) return value;
  expected("a number in the range of a 32-bit float");
  return std::nullopt;
}

std::optional<double> JsonReader::positive_number() const {
  const std::optional<double> value = number();
  if (!value || *value >= std::numeric_limits<float>::min()) return value;
  expected("a positive number");
  return std::nullopt;
}

std::optional<std::string> JsonReader::string(std::size_t min, std::size_t max) const {
  const auto* const value = get<std::string>();
  if (value != nullptr && value->size() >= min && value->size() <= max) return *value;
  expected(min == 0 ? "a string" : "a string that is not empty");
  return std::nullopt;
}

std::optional<std::size_t> JsonReader::one_of(
    std::initializer_list<std::string_view> choices) const {
  const auto* const value = get<std::string>();
  if (value != nullptr) {
    const auto* const found = std::find(choices.begin(), choices.end(), *value);
    if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
  }
  std::string list;
  for (const std::string_view choice : choices) {
    list += cat(list.empty() ? "" : " or ", quote(choice));
  }
  expected(list);
  return std::nullopt;
}

std::optional<bool> JsonReader::boolean() const {
  if (const auto* const value = get<bool>()) return *value;
  expected("true or false");
  return std::nullopt;
}

std::map<std::string, std::string, std::less<>> JsonReader::strings() const {
  std::map<std::string, std::string, std::less<>> out;
  for (const auto& [key, value] : members(0, 1000)) out.emplace(key, value.string().value_or(""));
  return out;
}

}  // namespace glint
