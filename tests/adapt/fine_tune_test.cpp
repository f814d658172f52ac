// Tip-Adapter-F against the released training, and what decides its result.
#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "adapt/tip_world.h"
#include "support/expect_error.h"

namespace glint::adapt {
namespace {

using test::expect_error;
using test::tip::golden;
using test::tip::World;

World training_world() {
  const auto& training = golden()["training"];
  return World(training["seed"], training["scatter"], training["words"]);
}

FineTuneOptions training_options() {
  return {.learning_rate = golden()["training"]["rate"], .threads = 1};
}

// One batch an epoch, so that the order of pictures only changes the order of sums in f32. A step
// moves a key by lr times a ratio of gradients, whose noise of about 1e-7 / eps (1e-4) stays below
// 1e-5 in 20 steps.
void expect_keys(const std::vector<float>& keys, const nlohmann::json& wanted) {
  ASSERT_EQ(keys.size(), wanted.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_NEAR(keys[i], wanted[i].get<double>(), 1e-5) << i;
  }
}

TEST(FineTuneTest, TrainsAsTheReleasedCode) {
  const World world = training_world();
  const FineTuneResult result =
      fine_tune(world.cache(), world.shots(), nullptr, training_options());
  const auto& wanted = golden()["training"]["last"];
  ASSERT_EQ(result.losses.size(), 20U);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_NEAR(result.losses[i], wanted["losses"][i].get<double>(), 1e-5 * result.losses[i]) << i;
  }
  expect_keys(result.cache.keys, wanted["keys"]);
  EXPECT_EQ(result.epoch, 19);
  EXPECT_TRUE(result.accuracies.empty());
  const SearchResult found = search(result.cache, world.validation());
  EXPECT_EQ(found.alpha, wanted["search"]["alpha"].get<double>());
  EXPECT_EQ(found.beta, wanted["search"]["beta"].get<double>());
  EXPECT_DOUBLE_EQ(found.accuracy, wanted["search"]["accuracy"].get<double>());
}

TEST(FineTuneTest, KeepsTheEpochThatTheReleasedCodeKeeps) {
  const World world = training_world();
  const FineTuneResult result =
      fine_tune(world.cache(), world.shots(), &world.validation(), training_options());
  const auto& wanted = golden()["training"]["best"];
  expect_keys(result.cache.keys, wanted["keys"]);
  ASSERT_EQ(result.accuracies.size(), 20U);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_DOUBLE_EQ(result.accuracies[i], wanted["accuracies"][i].get<double>()) << i;
  }
  const auto best = std::ranges::max_element(result.accuracies);  // the first of equals
  EXPECT_EQ(result.epoch, best - result.accuracies.begin());
  EXPECT_LT(result.epoch, 19);
  EXPECT_DOUBLE_EQ(accuracy(result.cache, world.validation()),
                   result.accuracies[static_cast<std::size_t>(result.epoch)]);
}

TEST(FineTuneTest, ASeedDecidesAndNothingElse) {
  const World world = training_world();
  const FineTuneOptions options{.epochs = 3, .batch = 7, .seed = 5, .threads = 1};
  const FineTuneResult first = fine_tune(world.cache(), world.shots(), nullptr, options);
  EXPECT_EQ(fine_tune(world.cache(), world.shots(), nullptr, options).cache.keys, first.cache.keys);
  FineTuneOptions other = options;
  other.seed = 6;
  EXPECT_NE(fine_tune(world.cache(), world.shots(), nullptr, other).cache.keys, first.cache.keys);
}

// Equal views leave nothing to choose, so the keys are those of one view with the same batches.
TEST(FineTuneTest, EachPictureIsSeenInOneOfItsViews) {
  const World world = training_world();
  Features twice = world.shots();
  twice.views = 2;
  twice.values.clear();
  twice.logits.clear();
  for (std::size_t i = 0; i < twice.classes.size(); ++i) {
    for (int view = 0; view < 2; ++view) {
      const auto add = [i](std::vector<float>& to, const std::vector<float>& from,
                           std::size_t row) {
        for (std::size_t d = 0; d < row; ++d) to.push_back(from[i * row + d]);
      };
      add(twice.values, world.shots().values, 16);
      add(twice.logits, world.shots().logits, 5);
    }
  }
  const FineTuneResult one = fine_tune(world.cache(), world.shots(), nullptr, {.threads = 1});
  const FineTuneResult two = fine_tune(world.cache(), twice, nullptr, {.threads = 1});
  for (std::size_t i = 0; i < one.cache.keys.size(); ++i) {
    EXPECT_NEAR(one.cache.keys[i], two.cache.keys[i], 2e-6);
  }
}

TEST(FineTuneTest, LeavesTheHostsThreadsAndTheCacheAlone) {
  const World world = training_world();
  omp_set_num_threads(2);
  const Cache before = world.cache();
  const FineTuneResult result =
      fine_tune(before, world.shots(), nullptr, {.epochs = 1, .threads = 1});
  EXPECT_EQ(omp_get_max_threads(), 2);
  EXPECT_EQ(before.keys, world.cache().keys);
  EXPECT_EQ(result.cache.alpha, before.alpha);
  EXPECT_EQ(result.cache.classes, before.classes);
}

TEST(FineTuneTest, StopsAndReports) {
  const World world = training_world();
  std::stop_source stop;
  std::int64_t last = 0;
  FineTuneOptions options{.epochs = 5, .batch = 10, .stop = stop.get_token()};
  options.progress = [&](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(total, 20);
    last = done;
    if (done == 3) stop.request_stop();
  };
  expect_error(ErrorCode::kCancelled, "",
               [&] { fine_tune(world.cache(), world.shots(), nullptr, options); });
  EXPECT_EQ(last, 3);
}

TEST(FineTuneTest, WhatACallbackThrowsPasses) {
  const World world = training_world();
  FineTuneOptions options{.epochs = 1};
  options.progress = [](std::int64_t, std::int64_t) { throw std::out_of_range("mine"); };
  EXPECT_THROW(fine_tune(world.cache(), world.shots(), nullptr, options), std::out_of_range);
}

TEST(FineTuneTest, RefusesWhatCannotBeTrained) {
  const World world = training_world();
  const auto refuse = [&](const FineTuneOptions& options, std::string_view part) {
    expect_error(ErrorCode::kInvalidArgument, part,
                 [&] { fine_tune(world.cache(), world.shots(), nullptr, options); });
  };
  refuse({.epochs = 0}, "epochs, got 0");
  refuse({.learning_rate = 0}, "learning rate");
  refuse({.learning_rate = std::numeric_limits<double>::infinity()}, "learning rate");
  refuse({.batch = 0}, "batch, got 0");
  refuse({.threads = -1}, "threads, got -1");
  refuse({.learning_rate = 1e30}, "a finite loss");
  Features without = world.shots();
  without.logits.clear();
  expect_error(ErrorCode::kInvalidArgument, "logits each",
               [&] { fine_tune(world.cache(), without, nullptr); });
  expect_error(ErrorCode::kInvalidArgument, "logits each",
               [&] { fine_tune(world.cache(), world.shots(), &without); });
}

}  // namespace
}  // namespace glint::adapt
