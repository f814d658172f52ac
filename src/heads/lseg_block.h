// The block that LSeg may have on its logits (isl-org/lang-seg modules/models/lseg_net.py,
// depthwise_block and bottleneck_block): one 3 x 3 kernel for all labels, several times.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "heads/lseg_logits.h"

namespace glint {

struct LsegBlock {
  enum class Kind { kNone, kBottleneck, kDepthwise };  // arch_option 0, 1, 2
  enum class Activation { kRelu, kLeakyRelu, kTanh };  // lrelu: slope 0.01
  Kind kind = Kind::kNone;
  Activation activation = Activation::kRelu;  // after every time but the last
  std::int64_t depth = 0;         // times that it is applied; pixels that it sees around
  std::array<float, 9> weight{};  // [3, 3]
  float bias = 0;
};

// Logits of all labels in a region of a map, with the block applied. One thread's.
class BlockedLogits {
 public:
  // All references outlive this.
  BlockedLogits(const LsegWords& words, const LsegBlock& block) : words_(words), block_(block) {}

  // Memory is taken here, and kept for the next region. Throws std::bad_alloc.
  void reserve(std::int64_t height, std::int64_t width);
  // A region with at most the sides that were reserved. Never throws.
  void compute(const PixelMap& map, const PixelRegion& region);
  // From the region's left pixel on; two numbers behind its last one may be read, and are finite
  // where the logits are.
  const float* row(std::int64_t label, std::int64_t y) const;

 private:
  void apply(bool last);
  void find_largest();

  const LsegWords& words_;
  const LsegBlock& block_;
  PixelRegion region_;       // that was asked for
  PixelRegion halo_;         // what it depends on, inside of the map
  std::int64_t stride_ = 0;  // numbers from a row to the next
  std::int64_t plane_ = 0;   // from a label to the next
  std::vector<float> scratch_, now_, next_;
  std::vector<float> largest_;  // of the labels, a pixel
};

}  // namespace glint
