// alpha and beta: what the released search finds, and what trying every pair finds.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <thread>

#include "adapt/tip_world.h"
#include "support/expect_error.h"

namespace glint::adapt {
namespace {

using test::expect_error;
using test::tip::World;

TEST(TipSearchTest, FindsWhatTheReleasedSearchFinds) {
  for (const auto& wanted : test::tip::golden()["search"]) {
    const World world(wanted["seed"], wanted["scatter"], wanted["words"]);
    SearchOptions options;
    options.beta_end = wanted["beta_end"];
    options.alpha_end = wanted["alpha_end"];
    const SearchResult found = search(world.cache(), world.validation(), options);
    // The same doubles: of 4,000 pairs, the same one.
    EXPECT_EQ(found.alpha, wanted["found"]["alpha"].get<double>()) << wanted;
    EXPECT_EQ(found.beta, wanted["found"]["beta"].get<double>()) << wanted;
    EXPECT_DOUBLE_EQ(found.accuracy, wanted["found"]["accuracy"].get<double>()) << wanted;
  }
}

// How many pictures one pair answers right, in the order of the released code.
std::int64_t right_of(const Cache& cache, const Features& pictures, double alpha, double beta) {
  std::vector<float> units = pictures.values;
  normalize_rows(units, pictures.embed_dim);
  const auto keys = static_cast<std::int64_t>(cache.classes.size());
  const std::size_t count = cache.labels.size();
  std::vector<float> affinity(static_cast<std::size_t>(pictures.count() * keys));
  dot_matrix(units, cache.keys, cache.embed_dim, affinity);
  std::int64_t right = 0;
  for (std::int64_t i = 0; i < pictures.count(); ++i) {
    std::vector<double> votes(count);
    for (std::int64_t n = 0; n < keys; ++n) {
      const double near = affinity[static_cast<std::size_t>(i * keys + n)];
      votes[static_cast<std::size_t>(cache.classes[static_cast<std::size_t>(n)])] +=
          std::exp(-beta + beta * near);
    }
    std::size_t best = 0;
    std::vector<float> logits(count);
    for (std::size_t k = 0; k < count; ++k) {
      const float before = pictures.logits[static_cast<std::size_t>(i) * count + k];
      logits[k] = static_cast<float>(before + alpha * votes[k]);
      if (logits[k] > logits[best]) best = k;
    }
    right += static_cast<std::int64_t>(best) == pictures.classes[static_cast<std::size_t>(i)];
  }
  return right;
}

SearchResult every_pair(const Cache& cache, const Features& pictures, const SearchOptions& grid) {
  SearchResult best;
  std::int64_t most = 0;
  for (int i = 0; i < grid.beta_steps; ++i) {
    for (int j = 0; j < grid.alpha_steps; ++j) {
      const double beta = i * (grid.beta_end - 0.1) / grid.beta_steps + 0.1;
      const double alpha = j * (grid.alpha_end - 0.1) / grid.alpha_steps + 0.1;
      const std::int64_t right = right_of(cache, pictures, alpha, beta);
      if (right <= most) continue;
      most = right;
      best = {alpha, beta, static_cast<double>(right) / static_cast<double>(pictures.count())};
    }
  }
  return best;
}

TEST(TipSearchTest, FindsWhatTryingEveryPairFinds) {
  for (std::uint32_t seed = 100; seed < 140; ++seed) {
    const auto part = static_cast<float>(seed % 7);
    const std::int64_t classes = 2 + seed % 9;
    const World world(seed, 0.3F + part, 5 - part / 2,
                      {.dim = 8, .classes = classes, .keys = 3 * classes, .pictures = 9 * classes});
    SearchOptions grid{.beta_end = 0.5 + seed % 13, .alpha_end = 0.3 + 4.0 * (seed % 11)};
    grid.beta_steps = 1 + static_cast<int>(seed % 17);
    grid.alpha_steps = 1 + static_cast<int>(seed % 6);
    const SearchResult found = search(world.cache(), world.validation(), grid);
    const SearchResult wanted = every_pair(world.cache(), world.validation(), grid);
    EXPECT_EQ(found.alpha, wanted.alpha) << seed;
    EXPECT_EQ(found.beta, wanted.beta) << seed;
    EXPECT_EQ(found.accuracy, wanted.accuracy) << seed;
  }
}

TEST(TipSearchTest, AccuracyIsThatOfTheCachesOwnPair) {
  const World world(7, 2, 2);
  for (const auto& [alpha, beta] : {std::pair{0.0, 1.0}, {1.17, 1.0}, {3.0, 5.5}, {40.0, 0.0}}) {
    Cache cache = world.cache();
    cache.alpha = alpha;
    cache.beta = beta;
    EXPECT_DOUBLE_EQ(accuracy(cache, world.validation()) * 120,
                     static_cast<double>(right_of(cache, world.validation(), alpha, beta)));
  }
}

TEST(TipSearchTest, ThreadsChangeNothing) {
  const World world(21, 1.5, 6);
  const SearchResult one = search(world.cache(), world.validation(), {.threads = 1});
  for (const int threads : {0, 2, 3, 500}) {
    const SearchResult found = search(world.cache(), world.validation(), {.threads = threads});
    EXPECT_EQ(found.alpha, one.alpha);
    EXPECT_EQ(found.beta, one.beta);
    EXPECT_EQ(found.accuracy, one.accuracy);
  }
}

TEST(TipSearchTest, OfSeveralViewsTheFirstCounts) {
  const World world(7, 2, 2);
  Features twice = world.validation();
  twice.views = 2;
  twice.values.clear();
  twice.logits.clear();
  for (std::size_t i = 0; i < twice.classes.size(); ++i) {
    for (const float sign : {1.0F, -1.0F}) {
      for (std::size_t d = 0; d < 16; ++d) {
        twice.values.push_back(sign * world.validation().values[i * 16 + d]);
      }
      for (std::size_t k = 0; k < 5; ++k) {
        twice.logits.push_back(sign * world.validation().logits[i * 5 + k]);
      }
    }
  }
  const SearchResult one = search(world.cache(), world.validation());
  const SearchResult two = search(world.cache(), twice);
  EXPECT_EQ(one.alpha, two.alpha);
  EXPECT_EQ(one.beta, two.beta);
  EXPECT_EQ(one.accuracy, two.accuracy);
}

TEST(TipSearchTest, NoPairThatIsRightLeavesNothing) {
  const World world(7, 2, 2);
  Features none = world.validation();
  for (float& value : none.logits) value = 0;
  for (std::size_t i = 0; i < none.classes.size(); ++i) {
    none.logits[i * 5 + static_cast<std::size_t>(none.classes[i])] = -1e9F;
  }
  const SearchResult found = search(world.cache(), none);
  EXPECT_EQ(found.alpha, 0);
  EXPECT_EQ(found.beta, 0);
  EXPECT_EQ(found.accuracy, 0);
}

TEST(TipSearchTest, StopsAndReports) {
  const World world(7, 2, 2);
  std::stop_source stop;
  std::int64_t last = 0;
  SearchOptions options{.threads = 1, .stop = stop.get_token()};
  options.progress = [&](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(total, 120);
    last = done;
    if (done == 50) stop.request_stop();
  };
  expect_error(ErrorCode::kCancelled, "",
               [&] { search(world.cache(), world.validation(), options); });
  EXPECT_EQ(last, 50);
}

// Steps of all threads, told by the caller's one, to the last.
TEST(TipSearchTest, ProgressCountsThePicturesOfAllThreads) {
  const World world(7, 2, 2);
  for (const int threads : {1, 4}) {
    const auto caller = std::this_thread::get_id();
    std::vector<std::int64_t> told;
    SearchOptions options{.threads = threads};
    options.progress = [&](std::int64_t done, std::int64_t total) {
      EXPECT_EQ(std::this_thread::get_id(), caller);
      EXPECT_EQ(total, 120);
      // The others go on meanwhile.
      if (told.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
      told.push_back(done);
    };
    search(world.cache(), world.validation(), options);
    ASSERT_FALSE(told.empty());
    EXPECT_TRUE(std::ranges::is_sorted(told));
    EXPECT_EQ(told.back(), 120);
    EXPECT_EQ(std::ranges::adjacent_find(told), told.end());
    if (threads == 1) {
      EXPECT_EQ(told.size(), 120U);
    }
  }
}

TEST(TipSearchTest, RefusesOptionsOutOfRange) {
  const World world(7, 2, 2);
  const auto refuse = [&](const SearchOptions& options, std::string_view part) {
    expect_error(ErrorCode::kInvalidArgument, part,
                 [&] { search(world.cache(), world.validation(), options); });
  };
  refuse({.beta_end = 0.05}, "0.1 or above");
  refuse({.alpha_end = std::numeric_limits<double>::quiet_NaN()}, "0.1 or above");
  refuse({.beta_steps = 0}, "steps of a search, got 0");
  refuse({.alpha_steps = 1'000'000}, "steps of a search, got 1000000");
  refuse({.threads = -1}, "threads, got -1");
}

TEST(TipSearchTest, RefusesPicturesThatAreNotTheCaches) {
  const World world(7, 2, 2);
  const auto refuse = [&](std::string_view part, const auto& change) {
    Features changed = world.validation();
    change(changed);
    expect_error(ErrorCode::kInvalidArgument, part, [&] { search(world.cache(), changed); });
    expect_error(ErrorCode::kInvalidArgument, part, [&] { accuracy(world.cache(), changed); });
  };
  refuse("5 classes in their order", [](Features& f) { std::swap(f.labels[0], f.labels[1]); });
  refuse("logits each", [](Features& f) { f.logits.clear(); });
  refuse("logits each", [](Features& f) { f.values.pop_back(); });
  refuse("numbers", [](Features& f) { f.embed_dim = 8; });
  refuse("positions below 5", [](Features& f) { f.classes[3] = 5; });
  refuse("positions below 5", [](Features& f) { f.classes[3] = -1; });
}

TEST(TipSearchTest, RefusesPicturesOfAnotherModel) {
  const World world(7, 2, 2);
  Cache cache = world.cache();
  Features pictures = world.validation();
  cache.source.image = std::string(64, 'a');
  pictures.source.image = std::string(64, 'b');
  expect_error(ErrorCode::kInvalidArgument, "another image tower",
               [&] { search(cache, pictures); });
}

}  // namespace
}  // namespace glint::adapt
