// Tip-Adapter: labelled images, kept as unit embeddings, vote beside the head that it wraps; the
// closer a key, the more its class gains. Tip-Adapter-F's trained keys need no unit length.
// Zhang et al. 2022 (arXiv:2207.09519); gaopengcuhk/Tip-Adapter main.py, run_tip_adapter.
#pragma once

#include <cstdint>
#include <vector>

#include "heads/class_positions.h"
#include "heads/wrapping_head.h"

namespace glint {

class TipAdapterHead final : public WrappingHead {
 public:
  struct Cache {
    ClassPositions names;
    Tensor keys;                         // [N, D] f32 on the CPU
    std::vector<std::uint32_t> classes;  // of each key: a position in `names`
  };
  TipAdapterHead(std::shared_ptr<const Head> inner, Cache cache, double alpha, double beta);

  // The wrapped head's, for any of the cache's classes in any order.
  // Throws Error(kInvalidArgument): a label that the cache does not have.
  TextState prepare(const TextQuery& query, const Towers& towers) const override;
  // logit of the wrapped head + alpha * sum of exp(-beta + beta * key . f) over the class's keys,
  // f the normalised image embedding; softmax over the labels; the best top_k.
  // Throws Error(kInvalidArgument): a wrapped head that does not classify, a label or an embedding
  // that is not the cache's.
  Prediction predict(const ImageState& image, const TextState& text, const Towers& towers,
                     const PredictOptions& options) const override;

 private:
  std::vector<double> votes(const ImageState& image) const;

  Cache cache_;
  double alpha_;
  float beta_;
};

// What a package holds for the head.
struct TipAdapterParts {
  Tensor keys;     // f32 [N, D]
  Tensor classes;  // i64 [N]: positions in classes.json
  double alpha = 0;
  double beta = 0;
};

// Throws Error(kCorruptPackage) when the package lacks what models/tip_adapter.md lists, or has
// more.
TipAdapterParts read_tip_adapter(const HeadContext& context);

// The same, and throws for a head that has none before it.
std::shared_ptr<const Head> make_tip_adapter(const HeadContext& context);

}  // namespace glint
