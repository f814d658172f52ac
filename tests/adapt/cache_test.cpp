// Keys: how they are made, added and taken away.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "adapt/tip_world.h"
#include "support/expect_error.h"

namespace glint::adapt {
namespace {

using test::expect_error;
using test::noise;

// 5 pictures of 3 classes in 4 views of 6 numbers.
Features features() {
  Features made;
  made.labels = {"a", "b", "c"};
  made.classes = {2, 0, 0, 1, 2};
  made.embed_dim = 6;
  made.views = 4;
  made.values = noise(3, 5 * 4 * 6);
  made.source.image = std::string(64, '1');
  return made;
}

Features one_class(const std::string& label) {
  Features made = features();
  made.labels = {label};
  made.classes = {0, 0, 0, 0, 0};
  return made;
}

// utils.py build_cache_model: the mean of raw views, then unit length; once.
TEST(CacheTest, KeysAreMeansOfRawViewsOfUnitLength) {
  const Features shots = features();
  const Cache cache = build_cache(shots);
  EXPECT_EQ(cache.labels, shots.labels);
  EXPECT_EQ(cache.classes, shots.classes);
  EXPECT_EQ(cache.source, shots.source);
  EXPECT_EQ(cache.alpha, 1.17);
  EXPECT_EQ(cache.beta, 1.0);
  ASSERT_EQ(cache.keys.size(), 30U);
  for (std::size_t i = 0; i < 5; ++i) {
    double mean[6] = {}, square = 0;
    for (std::size_t d = 0; d < 6; ++d) {
      for (std::size_t v = 0; v < 4; ++v) mean[d] += shots.values[(i * 4 + v) * 6 + d] / 4.0;
      square += mean[d] * mean[d];
    }
    for (std::size_t d = 0; d < 6; ++d) {
      EXPECT_NEAR(cache.keys[i * 6 + d], mean[d] / std::sqrt(square), 1e-6);
    }
  }
}

TEST(CacheTest, AClassComesBehindTheOthers) {
  const Cache before = build_cache(features());
  const Cache after = add_class(before, one_class("d"));
  EXPECT_EQ(after.labels, (std::vector<std::string>{"a", "b", "c", "d"}));
  ASSERT_EQ(after.keys.size(), 60U);
  EXPECT_TRUE(std::equal(before.keys.begin(), before.keys.end(), after.keys.begin()));
  EXPECT_EQ(after.classes, (std::vector<std::int64_t>{2, 0, 0, 1, 2, 3, 3, 3, 3, 3}));
  EXPECT_EQ(after.alpha, before.alpha);
}

TEST(CacheTest, AClassWithoutKeysGetsSome) {
  Features shots = features();
  shots.labels.insert(shots.labels.begin(), "empty");
  for (std::int64_t& index : shots.classes) ++index;
  const Cache after = add_class(build_cache(shots), one_class("empty"));
  EXPECT_EQ(after.labels, shots.labels);
  EXPECT_EQ(after.classes, (std::vector<std::int64_t>{3, 1, 1, 2, 3, 0, 0, 0, 0, 0}));
}

TEST(CacheTest, WhatIsAddedCanBeRemoved) {
  const Cache before = build_cache(features());
  const Cache after = remove_class(add_class(before, one_class("d")), "d");
  EXPECT_EQ(after.labels, before.labels);
  EXPECT_EQ(after.keys, before.keys);
  EXPECT_EQ(after.classes, before.classes);
  const Cache less = remove_class(before, "a");
  EXPECT_EQ(less.labels, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(less.classes, (std::vector<std::int64_t>{1, 0, 1}));
  EXPECT_TRUE(std::equal(less.keys.begin(), less.keys.begin() + 6, before.keys.begin()));
  EXPECT_TRUE(std::equal(less.keys.begin() + 6, less.keys.end(), before.keys.begin() + 18));
}

TEST(CacheTest, RefusesFeaturesThatMakeNoCache) {
  const auto refuse = [](std::string_view part, const auto& change) {
    Features shots = features();
    change(shots);
    expect_error(ErrorCode::kInvalidArgument, part, [&] { build_cache(shots); });
  };
  refuse("two classes or more, got only \"a\"", [](Features& f) {
    f.labels = {"a"};
    f.classes.assign(5, 0);
  });
  refuse("label", [](Features& f) { f.labels[1] = "a"; });
  refuse("label", [](Features& f) { f.labels.clear(); });
  refuse("of labelled images", [](Features& f) {
    f.classes.clear();
    f.values.clear();
  });
  refuse("of labelled images", [](Features& f) { f.values.pop_back(); });
  refuse("positions below 3", [](Features& f) { f.classes[0] = 3; });
  refuse("not zero, got one of image 1",
         [](Features& f) { std::fill_n(f.values.begin() + 24, 24, 0.0F); });
  refuse("finite", [](Features& f) { f.values[7] = std::numeric_limits<float>::quiet_NaN(); });
}

TEST(CacheTest, RefusesClassesThatDoNotFit) {
  const Cache cache = build_cache(features());
  expect_error(ErrorCode::kInvalidArgument, "a class that the cache does not have, got \"b\"",
               [&] { add_class(cache, one_class("b")); });
  expect_error(ErrorCode::kInvalidArgument, "got 3 classes", [&] { add_class(cache, features()); });
  Features other = one_class("d");
  other.source.image = std::string(64, '2');
  expect_error(ErrorCode::kInvalidArgument, "another image tower",
               [&] { add_class(cache, other); });
  expect_error(ErrorCode::kNotFound, "one of the 3 classes of the cache, got \"d\"",
               [&] { remove_class(cache, "d"); });
  expect_error(ErrorCode::kInvalidArgument, "two classes or more",
               [&] { remove_class(remove_class(cache, "a"), "b"); });
}

// Folders cannot always have spaces, so that both spellings mean one class.
TEST(CacheTest, AnUnderscoreIsASpace) {
  Features shots = features();
  shots.labels[0] = "guinea pig";
  const Cache cache = build_cache(shots);
  expect_error(ErrorCode::kInvalidArgument, "a class that the cache does not have",
               [&] { add_class(cache, one_class("guinea_pig")); });
  EXPECT_EQ(remove_class(cache, "guinea_pig").labels, (std::vector<std::string>{"b", "c"}));
  shots.labels[0] = "guinea_pig";  // of a package that was made elsewhere
  expect_error(ErrorCode::kInvalidArgument, "a class that the cache does not have",
               [&] { add_class(build_cache(shots), one_class("guinea pig")); });
  shots.labels[1] = "guinea pig";
  EXPECT_EQ(remove_class(build_cache(shots), "guinea pig").labels,
            (std::vector<std::string>{"guinea_pig", "c"}));
}

// What is left when every key was of the removed class.
TEST(CacheTest, ACacheKeepsAKey) {
  Features shots = features();
  shots.classes.assign(5, 1);
  expect_error(ErrorCode::kInvalidArgument, "", [&] { remove_class(build_cache(shots), "b"); });
}

TEST(CacheTest, RefusesNumbersThatAreNone) {
  const test::tip::World world(7, 2, 2);
  Cache cache = world.cache();
  cache.alpha = -1;
  expect_error(ErrorCode::kInvalidArgument, "alpha and beta of at least 0, got -1",
               [&] { accuracy(cache, world.validation()); });
  cache = world.cache();
  cache.keys[3] = std::numeric_limits<float>::infinity();
  expect_error(ErrorCode::kInvalidArgument, "finite keys",
               [&] { accuracy(cache, world.validation()); });
}

}  // namespace
}  // namespace glint::adapt
