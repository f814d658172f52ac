#include "package/json.h"

#include <gtest/gtest.h>

#include <string>

#include "package/json_reader.h"
#include "support/expect_error.h"
#include "support/tiny_package.h"

namespace glint {
namespace {

using test::expect_error;

constexpr JsonLimits kLimits = {.bytes = 1 << 20, .depth = 32, .values = 1000};

JsonNode parse(std::string_view text, const JsonLimits& limits = kLimits) {
  return parse_json(test::to_bytes(text), limits, "here.json");
}

void expect_refused(std::string_view text, std::string_view part) {
  expect_error(ErrorCode::kCorruptPackage, part, [&] { parse(text); });
}

TEST(JsonTest, KeepsKindsValuesAndOrder) {
  const JsonNode node = parse(R"({"b": [1, -2, 2.5, true, null], "a": "x\u00e9"})");
  const auto& object = std::get<JsonNode::Object>(node.value);
  ASSERT_EQ(object.size(), 2U);
  EXPECT_EQ(object[0].first, "b");
  const auto& array = std::get<JsonNode::Array>(object[0].second.value);
  ASSERT_EQ(array.size(), 5U);
  EXPECT_EQ(std::get<std::int64_t>(array[0].value), 1);
  EXPECT_EQ(std::get<std::int64_t>(array[1].value), -2);
  EXPECT_EQ(std::get<double>(array[2].value), 2.5);
  EXPECT_TRUE(std::get<bool>(array[3].value));
  EXPECT_TRUE(std::holds_alternative<std::nullptr_t>(array[4].value));
  EXPECT_EQ(std::get<std::string>(object[1].second.value), "x\xc3\xa9");
}

TEST(JsonTest, RefusesWhatIsNotJson) {
  expect_refused("", "here.json: expected JSON in UTF-8, got something else at byte");
  expect_refused("{", "at byte");
  expect_refused("[1,]", "at byte");
  expect_refused("[1] 2", "at byte");
  expect_refused("[1,\n  tru]", "(line 2)");
  expect_refused("// comment\n1", "at byte");
}

TEST(JsonTest, RefusesTextThatIsNotUtf8) {
  expect_refused("\"\xff\"", "expected JSON in UTF-8");
  expect_refused("\"\xc3\"", "expected JSON in UTF-8");
  expect_refused("\"\xed\xa0\x80\"", "expected JSON in UTF-8");
  expect_refused(R"("\ud800")", "expected JSON in UTF-8");
}

TEST(JsonTest, RefusesNumbersThatAreNotFinite) {
  expect_refused("[NaN]", "expected JSON");
  expect_refused("[Infinity]", "expected JSON");
  expect_refused("[1e999]", "expected finite numbers, got one out of range");
  expect_refused("[-1e999]", "expected finite numbers, got one out of range");
}

TEST(JsonTest, RefusesTheSameKeyTwice) {
  expect_refused(R"({"a": 1, "b": {"a": 2, "a": 3}})", "got \"a\" twice");
  expect_refused(R"({"a": 1, "\u0061": 2})", "got \"a\" twice");
}

TEST(JsonTest, RefusesDeepNestingWithoutRecursion) {
  EXPECT_NO_THROW(parse(std::string(32, '[') + std::string(32, ']')));
  expect_refused(std::string(33, '[') + std::string(33, ']'), "at most 32 levels");
  expect_refused(std::string(1'000'000, '['), "at most 32 levels");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  expect_refused(objects, "at most 32 levels");
}

TEST(JsonTest, RefusesTooManyBytesOrValues) {
  expect_refused(std::string((1 << 20) + 1, ' '), "at most 1048576 bytes, got 1048577");
  std::string text = "[0";
  for (int i = 0; i < 1000; ++i) text += ",0";
  expect_refused(text + "]", "at most 1000 values");
}

TEST(JsonReaderTest, CollectsEveryProblemWithItsPath) {
  const JsonNode node =
      parse(R"({"size": "x", "list": [1, {"deep": 2}], "odd key": 3, "kind": "siglip"})");
  Problems problems;
  const JsonReader root(node, problems);
  const JsonObject fields = root.object({"size", "list", "kind", "gone"});
  EXPECT_EQ(fields["size"].integer(1, 8), std::nullopt);
  const auto items = fields["list"].items(2, 2);
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].integer(1, 8), 1);
  EXPECT_EQ(items[1].object({"deep"})["deep"].string(), std::nullopt);
  EXPECT_EQ(fields["kind"].one_of({"clip", "other"}), std::nullopt);
  EXPECT_EQ(fields["gone"].integer(1, 8), std::nullopt);
  expect_error(ErrorCode::kUnsupported,
               "f.json: 5 problems: gone: missing; [\"odd key\"]: unknown key; "
               "size: expected an integer from 1 to 8, got \"x\"; "
               "list[1].deep: expected a string, got 2; "
               "kind: expected \"clip\" or \"other\", got \"siglip\"",
               [&] { problems.throw_if_any(ErrorCode::kUnsupported, "f.json"); });
}

TEST(JsonReaderTest, SaysNothingMoreAboutAnAbsentValue) {
  const JsonNode node = parse("{}");
  Problems problems;
  const JsonReader absent = JsonReader(node, problems).object({}, {"a"})["a"];
  EXPECT_FALSE(absent.present());
  EXPECT_TRUE(absent.object({"x"})["x"].items(1, 2).empty());
  EXPECT_TRUE(absent.members(1, 2).empty());
  EXPECT_TRUE(absent.strings().empty());
  EXPECT_EQ(absent.number(), std::nullopt);
  EXPECT_EQ(absent.positive_number(), std::nullopt);
  absent.boolean();
  EXPECT_FALSE(problems.any());
}

TEST(JsonReaderTest, ChecksNumbers) {
  const JsonNode node = parse("[3, 0.5, -1, 1e39, 0, 1e-46, \"1\"]");
  Problems problems;
  const auto items = JsonReader(node, problems).items(7, 7);
  EXPECT_EQ(items[0].number(), 3.0);
  EXPECT_EQ(items[1].positive_number(), 0.5);
  EXPECT_EQ(items[2].number(), -1.0);
  EXPECT_FALSE(problems.any());
  EXPECT_EQ(items[2].positive_number(), std::nullopt);
  EXPECT_EQ(items[3].number(), std::nullopt);
  EXPECT_EQ(items[4].positive_number(), std::nullopt);
  EXPECT_EQ(items[5].positive_number(), std::nullopt);
  EXPECT_EQ(items[6].number(), std::nullopt);
  EXPECT_EQ(items[1].integer(0, 1), std::nullopt);
}

TEST(JsonReaderTest, LimitsTheLengthOfTheReport) {
  std::string text = "[\"x\"";
  for (int i = 0; i < 500; ++i) text += ",\"x\"";
  const JsonNode node = parse(text + "]");
  Problems problems;
  for (const JsonReader& item : JsonReader(node, problems).items(0, 1000)) item.integer(0, 1);
  expect_error(ErrorCode::kCorruptPackage, "; and 401 more",
               [&] { problems.throw_if_any(ErrorCode::kCorruptPackage, "f"); });
}

}  // namespace
}  // namespace glint
