// Where the queries, keys and values of attention come from.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <cstdint>
#include <optional>

namespace glint::passes {

// Outputs `first` to `first` + heads x width of a linear layer, cut into heads.
struct Projection {
  torch::jit::Node* layer = nullptr;  // without a sum, an activation or a ReLU
  std::int64_t first = 0;
  std::int64_t heads = 0, width = 0;
};

// Of a value [B, heads, N, width] that views a layer's output [B, N, ..] and is used once, as is
// whatever lies between: of one layer for each of queries, keys and values, or of one for all
// three.
std::optional<Projection> projection_of(torch::jit::Value* value);

}  // namespace glint::passes
