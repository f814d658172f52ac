#include "similarity/top_hits.h"

#include <algorithm>
#include <limits>

namespace glint {

TopHits::TopHits(std::size_t k) : k_(k), threshold_(-std::numeric_limits<float>::infinity()) {}

void TopHits::add(Hit hit) {
  if (heap_.size() == k_) {
    if (!is_better(hit, heap_.front())) return;
    std::pop_heap(heap_.begin(), heap_.end(), is_better);
    heap_.back() = hit;
  } else {
    heap_.push_back(hit);
  }
  std::push_heap(heap_.begin(), heap_.end(), is_better);
  if (heap_.size() == k_) threshold_ = heap_.front().score;
}

}  // namespace glint
