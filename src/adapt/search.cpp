// The grid of the released search_hp, without its 4,000 passes over the keys.
//
// A picture's votes are computed for all betas at once (Votes::compute). For one beta, the logit of
// a class is a straight line in alpha, so a class that is below the picture's own at both ends of
// the alphas is below it at all of them; only the others are tried one alpha after another.
#include <glint/adapt.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <thread>

#include "adapt/votes.h"
#include "core/check.h"
#include "core/in_threads.h"

namespace glint::adapt {
namespace {

constexpr double kGridStart = 0.1;
constexpr int kMaxSteps = 10'000;
constexpr int kMaxThreads = 1'024;
constexpr double kSlack = 1e-6;  // of f32 logits, 2^-24, with room

struct Grid {
  double start;
  double step;
  int steps;
};

// In the released order of operations, so that the numbers are the same to the last bit.
double value_of(double end, int steps, int i) {
  return i * (end - kGridStart) / steps + kGridStart;
}

float logit(float base, double alpha, double votes) {
  return static_cast<float>(static_cast<double>(base) + alpha * votes);
}

// Pictures that are right at every alpha and beta. One for each thread.
class Counter {
 public:
  Counter(const Votes& votes, const Features& pictures, std::span<const float> units,
          const Grid& betas, std::span<const double> alphas)
      : votes_(votes),
        pictures_(pictures),
        units_(units),
        betas_(betas),
        alphas_(alphas),
        right_(static_cast<std::size_t>(betas.steps) * alphas.size()),
        wrong_(alphas.size()),
        sums_(static_cast<std::size_t>(betas.steps) * votes.classes()) {}

  void add(std::size_t picture) {
    const auto dim = static_cast<std::size_t>(pictures_.embed_dim);
    const std::size_t classes = votes_.classes();
    votes_.compute(units_.subspan(picture * dim, dim), betas_.start, betas_.step, betas_.steps,
                   sums_, scratch_);
    const auto views = static_cast<std::size_t>(pictures_.views);
    const float* base = pictures_.logits.data() + picture * views * classes;
    const auto truth = static_cast<std::size_t>(pictures_.classes[picture]);
    for (std::size_t i = 0; i < static_cast<std::size_t>(betas_.steps); ++i) {
      find_wrong(base, sums_.data() + i * classes, truth);
      for (std::size_t j = 0; j < alphas_.size(); ++j) {
        right_[i * alphas_.size() + j] += wrong_[j] == 0 ? 1 : 0;
      }
    }
  }

  // [betas, alphas]
  const std::vector<std::int64_t>& right() const { return right_; }

 private:
  // Of equal logits the first class answers, as in classify().
  void find_wrong(const float* base, const double* sums, std::size_t truth) {
    std::ranges::fill(wrong_, char{0});
    for (std::size_t k = 0; k < votes_.classes(); ++k) {
      if (k == truth || !may_reach(base, sums, k, truth)) continue;
      for (std::size_t j = 0; j < alphas_.size(); ++j) {
        const float other = logit(base[k], alphas_[j], sums[k]);
        const float own = logit(base[truth], alphas_[j], sums[truth]);
        wrong_[j] |= static_cast<char>(k < truth ? other >= own : other > own);
      }
    }
  }

  // NaN and infinity may.
  bool may_reach(const float* base, const double* sums, std::size_t k, std::size_t truth) const {
    double slack = 0;
    std::array<double, 2> lead{};
    const std::array<double, 2> ends{alphas_.front(), alphas_.back()};
    for (std::size_t e = 0; e < ends.size(); ++e) {
      const double other = static_cast<double>(base[k]) + ends[e] * sums[k];
      const double own = static_cast<double>(base[truth]) + ends[e] * sums[truth];
      lead[e] = other - own;
      slack = std::max(slack, kSlack * (std::abs(other) + std::abs(own)));
    }
    return !(lead[0] < -slack && lead[1] < -slack);
  }

  const Votes& votes_;
  const Features& pictures_;
  std::span<const float> units_;
  Grid betas_;
  std::span<const double> alphas_;
  std::vector<std::int64_t> right_;
  std::vector<char> wrong_;  // of one picture and beta, at each alpha
  std::vector<double> sums_;
  Votes::Scratch scratch_;
};

// counter.add(i) for all pictures, on several threads. The caller's one reports what all have done.
class Counting {
 public:
  Counting(std::vector<Counter>& counters, std::size_t pictures, const SearchOptions& options)
      : counters_(counters), pictures_(pictures), options_(options) {}

  void run() {
    in_threads(pictures_, counters_.size(), [this](std::size_t i, std::size_t thread) {
      check_stop(options_.stop);
      counters_[thread].add(i);
      ++done_;
      if (thread == 0) report();
    });
    report();  // of those that finished after the caller's thread
  }

 private:
  void report() {
    const auto done = static_cast<std::int64_t>(done_);
    if (!options_.progress || done == reported_) return;
    reported_ = done;
    options_.progress(done, static_cast<std::int64_t>(pictures_));
  }

  std::vector<Counter>& counters_;
  std::size_t pictures_;
  const SearchOptions& options_;
  std::atomic<std::size_t> done_ = 0;
  std::int64_t reported_ = 0;
};

// [betas, alphas]: how many pictures are right.
std::vector<std::int64_t> count_right(const Cache& cache, const Features& pictures,
                                      const Grid& betas, std::span<const double> alphas,
                                      const SearchOptions& options) {
  const Votes votes(cache);
  const std::vector<float> units = unit_first_views(pictures);
  const auto count = static_cast<std::size_t>(pictures.count());
  const std::size_t wanted = options.threads > 0 ? static_cast<std::size_t>(options.threads)
                                                 : std::thread::hardware_concurrency();
  std::vector<Counter> counters(std::clamp<std::size_t>(wanted, 1, count),
                                Counter(votes, pictures, units, betas, alphas));
  Counting(counters, count, options).run();
  std::vector<std::int64_t> right = counters.front().right();
  for (std::size_t i = 1; i < counters.size(); ++i) {
    for (std::size_t j = 0; j < right.size(); ++j) right[j] += counters[i].right()[j];
  }
  return right;
}

void check_options(const SearchOptions& options) {
  for (const double end : {options.beta_end, options.alpha_end}) {
    if (!std::isfinite(end) || end < kGridStart) {
      fail(ErrorCode::kInvalidArgument, "expected the end of a search at ", kGridStart,
           " or above, got ", end);
    }
  }
  for (const int steps : {options.beta_steps, options.alpha_steps}) {
    if (steps < 1 || steps > kMaxSteps) {
      fail(ErrorCode::kInvalidArgument, "expected 1 to ", kMaxSteps, " steps of a search, got ",
           steps);
    }
  }
  if (options.threads < 0 || options.threads > kMaxThreads) {
    fail(ErrorCode::kInvalidArgument, "expected 0 to ", kMaxThreads, " threads, got ",
         options.threads);
  }
}

}  // namespace

SearchResult search(const Cache& cache, const Features& validation, const SearchOptions& options) {
  return within_memory("searching alpha and beta", [&] {
    check_options(options);
    check_pictures_of(cache, validation);
    std::vector<double> alphas;
    for (int j = 0; j < options.alpha_steps; ++j) {
      alphas.push_back(value_of(options.alpha_end, options.alpha_steps, j));
    }
    const Grid betas{.start = kGridStart,
                     .step = (options.beta_end - kGridStart) / options.beta_steps,
                     .steps = options.beta_steps};
    const auto right = count_right(cache, validation, betas, alphas, options);
    const auto best = std::ranges::max_element(right);  // the first of equals
    if (*best == 0) return SearchResult{};              // as the released search
    const auto at = best - right.begin();
    return SearchResult{
        .alpha = alphas[static_cast<std::size_t>(at % options.alpha_steps)],
        .beta = value_of(options.beta_end, options.beta_steps,
                         static_cast<int>(at / options.alpha_steps)),
        .accuracy = static_cast<double>(*best) / static_cast<double>(validation.count())};
  });
}

double accuracy(const Cache& cache, const Features& pictures) {
  return within_memory("measuring accuracy", [&] {
    check_pictures_of(cache, pictures);
    const Grid beta{.start = cache.beta, .step = 0, .steps = 1};
    const std::array<double, 1> alpha{cache.alpha};
    const auto right = count_right(cache, pictures, beta, alpha, {});
    return static_cast<double>(right.front()) / static_cast<double>(pictures.count());
  });
}

}  // namespace glint::adapt
