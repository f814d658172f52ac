// The best k hits so far of one query, as a heap with the worst on top.
#pragma once

#include <glint/index.h>

#include <cstddef>
#include <vector>

namespace glint {

// The order of hits: by score, descending, then by index, ascending.
inline bool is_better(const Hit& a, const Hit& b) {
  return a.score > b.score || (a.score == b.score && a.index < b.index);
}

class TopHits {
 public:
  explicit TopHits(std::size_t k);  // k at least 1

  // What a row must reach to matter: the worst score, or -infinity while there are less than k.
  float threshold() const { return threshold_; }
  void add(Hit hit);
  const std::vector<Hit>& hits() const { return heap_; }  // in no order

 private:
  std::size_t k_;
  float threshold_;
  std::vector<Hit> heap_;
};

}  // namespace glint
