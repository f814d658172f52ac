// A tower that pools one token needs only that token of its last block: one query, and one row of
// the layers behind the attention. Keys and values stay those of all tokens.
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <array>

#include "runtime/passes/graph.h"
#include "runtime/passes/operators.h"
#include "runtime/passes/passes.h"

namespace glint::passes {
namespace {

using torch::jit::Node;
using torch::jit::Value;

constexpr std::int64_t kTokens = 1;   // the dimension of x [B, N, width]
constexpr std::int64_t kQueries = 2;  // the dimension of q [B, H, N, d]

// aten::select(x, 1, token) with a constant token, x used by nothing else.
std::optional<std::int64_t> pooled_token(const Node* node) {
  const auto token = constant_int(node->input(2));
  const bool pools = node->input(0)->uses().size() == 1 &&
                     constant_int(node->input(1)) == kTokens && token && *token >= 0;
  return pools ? token : std::nullopt;
}

// x[:], which TorchScript writes in front of x[:, i].
bool is_whole_slice(const Node* node) {
  return node->kind() == c10::aten::slice && constant_int(node->input(1)) == 0 &&
         (node->input(2)->mustBeNone() || constant_int(node->input(2)) == 0) &&
         (node->input(3)->mustBeNone() || constant_int(node->input(3)) == INT64_MAX) &&
         constant_int(node->input(4)) == 1 && node->output()->uses().size() == 1;
}

// The layer that a view of its output comes from; nullptr where something is computed on the way.
const Node* layer_behind(const Value* view) {
  static const std::array kViews{c10::prim::ListUnpack, c10::aten::unbind,    c10::aten::permute,
                                 c10::aten::view,       c10::aten::transpose, c10::aten::select};
  const Node* node = view->node();
  while (std::ranges::find(kViews, node->kind()) != kViews.end()) node = node->input(0)->node();
  return node->kind() == kLinear ? node : nullptr;
}

// The last block's nodes: out = fc2(fc1(mid)) + mid, mid = proj(merged attention of x) + x.
struct LastBlock {
  Node *fc2, *fc1, *projection, *flatten, *transpose, *attention;
};

std::optional<LastBlock> last_block(Value* out) {
  LastBlock block{};
  block.fc2 = out->node();
  if (block.fc2->kind() != kLinear || block.fc2->inputs().size() != 2) return std::nullopt;
  block.fc1 = block.fc2->input(0)->node();
  const Value* mid = block.fc2->input(1);
  if (block.fc1->kind() != kLinear || block.fc1->inputs().size() != 1 || block.fc1->input(0) != mid)
    return std::nullopt;
  block.projection = block.fc1->input(0)->node();
  if (block.projection->kind() != kLinear || block.projection->inputs().size() != 2 ||
      norm_of(block.projection))
    return std::nullopt;
  block.flatten = block.projection->input(0)->node();
  if (block.flatten->kind() != c10::aten::flatten || constant_int(block.flatten->input(1)) != 2)
    return std::nullopt;
  block.transpose = block.flatten->input(0)->node();
  if (!swaps(block.transpose, 1, 2)) return std::nullopt;
  block.attention = block.transpose->input(0)->node();
  if (block.attention->kind() != kAttention || step_of(block.attention).causal) return std::nullopt;
  // The sum has the shape of the block's input only if it is that input.
  const Node* projections = layer_behind(block.attention->input(0));
  if (projections == nullptr || projections->input(0) != block.projection->input(1))
    return std::nullopt;
  return block;
}

class Narrowing {
 public:
  Narrowing(torch::jit::Graph& graph, Node* before, std::int64_t token)
      : graph_(graph), insert_(before), token_(token) {}

  // [B, 1, width]: the pooled token of the block's output.
  Value* output(const LastBlock& block) {
    Value* q = token_of(block.attention->input(0), kQueries);
    Value* mixed =
        clone(block.attention, {q, block.attention->input(1), block.attention->input(2)});
    Value* heads = clone(block.transpose, with_first(block.transpose, mixed));
    Value* merged = clone(block.flatten, with_first(block.flatten, heads));
    Value* x = token_of(block.projection->input(1), kTokens);
    Value* mid = clone(block.projection, {merged, x});
    Value* hidden = clone(block.fc1, {mid});
    return clone(block.fc2, {hidden, mid});
  }

 private:
  Value* token_of(Value* value, std::int64_t dimension) {
    const auto constant = [&](std::int64_t number) { return graph_.insertConstant(number); };
    return graph_.insert(c10::aten::slice, {value, constant(dimension), constant(token_),
                                            constant(token_ + 1), constant(1)});
  }
  static std::vector<Value*> with_first(Node* node, Value* first) {
    std::vector<Value*> inputs(node->inputs().begin(), node->inputs().end());
    inputs.front() = first;
    return inputs;
  }
  Value* clone(Node* node, const std::vector<Value*>& inputs) {
    std::size_t next = 0;
    Node* copy = graph_.createClone(node, [&](Value*) { return inputs[next++]; });
    return graph_.insertNode(copy)->output();
  }

  torch::jit::Graph& graph_;
  torch::jit::WithInsertPoint insert_;
  std::int64_t token_;
};

}  // namespace

std::int64_t narrow_tokens(const Graph& graph) {
  std::int64_t changed = 0;
  for (Node* select : nodes_of(graph, c10::aten::select)) {
    const auto token = pooled_token(select);
    if (!token) continue;
    Value* pooled = select->input(0);
    if (is_whole_slice(pooled->node())) pooled = pooled->node()->input(0);
    if (pooled->uses().size() != 1) continue;
    const auto block = last_block(pooled);
    if (!block) continue;
    Value* narrowed = Narrowing(*graph, select, *token).output(*block);
    select->replaceInput(0, narrowed);
    const torch::jit::WithInsertPoint here(select);
    select->replaceInput(2, graph->insertConstant(0));
    ++changed;
  }
  return changed;
}

}  // namespace glint::passes
