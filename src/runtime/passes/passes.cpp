#include "runtime/passes/passes.h"

#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/frozen_conv_folding.h>

#include "runtime/passes/operators.h"

namespace glint::passes {

std::vector<std::string> run(const Graph& graph, PackedLayers& layers) {
  register_operators();
  std::vector<std::string> changed;
  const auto note = [&](const char* name, std::int64_t places) {
    if (places == 0) return;
    changed.emplace_back(name);
    torch::jit::EliminateDeadCode(graph);
  };
  auto folded = graph;
  note("fold_batch_norms", torch::jit::FoldFrozenConvBatchnorm(folded) ? 1 : 0);
  note("pack_tables", pack_tables(graph, layers));
  note("pack_linears", pack_linears(graph, layers));
  note("pack_convolutions", pack_convolutions(graph, layers));
  note("fuse_activations", fuse_activations(graph));
  note("fuse_residuals", fuse_residuals(graph));
  note("fuse_relus", fuse_relus(graph));
  note("fuse_norms", fuse_norms(graph));
  note("pack_attention", pack_attention(graph, layers));
  note("narrow_tokens", narrow_tokens(graph));
  note("pool_attention", pool_attention(graph, layers));
  note("fuse_heads", fuse_heads(graph));
  note("space_rows", space_rows(graph));
  return changed;
}

}  // namespace glint::passes
