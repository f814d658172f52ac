// A cache and pictures, brought into the order that computing with them wants.
#pragma once

#include <glint/adapt.h>

#include <cstddef>
#include <span>
#include <vector>

namespace glint::adapt {

// The head whose package holds a cache.
inline constexpr const char* kHeadType = "tip_adapter";

// Whether the package's task kTask, which it has, ends in that head.
inline bool ends_in_cache(const Package& package) {
  return package.manifest().tasks.find(kTask)->second.heads.back().type == kHeadType;
}

// Throws Error(kInvalidArgument) unless the parts of `cache` agree with one another.
void check_cache(const Cache& cache);

// Throws Error(kInvalidArgument) unless `pictures` have logits for the cache's labels and come from
// the model that made the keys.
void check_pictures_of(const Cache& cache, const Features& pictures);

// What a sharpness that rises in equal steps asks of one picture after another: for every class the
// sum of exp(-beta (1 - key . f)) over its keys, f of unit length. Immutable.
class Votes {
 public:
  explicit Votes(const Cache& cache);

  std::size_t classes() const { return first_.size() - 1; }

  // What one thread computes in; reused from picture to picture.
  struct Scratch {
    std::vector<float> affinity;  // [N]
    std::vector<double> value;    // [N], of the current beta
    std::vector<double> ratio;    // [N], of the next beta's to it
  };

  // unit [D] -> out [steps, classes] f64, for betas start + i step. A key costs two exponentials
  // and `steps` products; these stay within steps * 2^-52 of exponentials of their own.
  void compute(std::span<const float> unit, double start, double step, int steps,
               std::span<double> out, Scratch& scratch) const;

 private:
  std::int64_t dim_;
  std::vector<float> keys_;         // [N, D], by class
  std::vector<std::size_t> first_;  // [classes + 1]: where the keys of each class begin
};

// The first view of every picture with unit length: [N, D].
std::vector<float> unit_first_views(const Features& pictures);

}  // namespace glint::adapt
