// Attention whose one query pools all tokens needs neither keys nor values of them, and of the
// queries only this one.
#include "runtime/passes/graph.h"
#include "runtime/passes/operators.h"
#include "runtime/passes/passes.h"
#include "runtime/passes/projection.h"

namespace glint::passes {
namespace {

using torch::jit::Node;
using torch::jit::Value;

// Whether a value is one token of its dimension `dim`, and which; nullptr otherwise.
Node* one_token(Value* value, std::int64_t dim) {
  Node* slice = value->node();
  if (slice->kind() != c10::aten::slice || constant_int(slice->input(1)) != dim) return nullptr;
  const auto first = slice->input(2)->mustBeNone() ? std::optional<std::int64_t>(0)
                                                   : constant_int(slice->input(2));
  const auto last = constant_int(slice->input(3));
  const bool one =
      first && *first >= 0 && last && *last == *first + 1 && constant_int(slice->input(4)) == 1;
  return one ? slice : nullptr;
}

// Pooling that can be computed from the tokens themselves.
struct Pooling {
  Projection key, value;
  std::optional<Projection> query;  // where it is to be computed of one token alone
  Node* token;                      // the slice that says which
};

std::optional<Pooling> pooling_of(Node* attention) {
  if (step_of(attention).causal) return std::nullopt;
  const auto key = projection_of(attention->input(1)), value = projection_of(attention->input(2));
  if (!key || !value || key->layer->input() != value->layer->input() ||
      norm_of(key->layer) != norm_of(value->layer) || key->heads != value->heads ||
      key->width != value->width)
    return std::nullopt;
  Pooling pooling{*key, *value, {}, nullptr};
  if (Node* token = one_token(attention->input(0), 2); token != nullptr) {
    pooling.query = projection_of(token->input(0));
    pooling.token = token;
    const bool same = pooling.query && pooling.query->layer->input() == key->layer->input() &&
                      norm_of(pooling.query->layer) == norm_of(key->layer);
    return same ? std::optional(pooling) : std::nullopt;
  }
  const auto query = projection_of(attention->input(0));
  return query && one_token(query->layer->input(), 1) != nullptr ? std::optional(pooling)
                                                                 : std::nullopt;
}

at::Tensor rows_of(const at::Tensor& all, const Projection& part) {
  return all.defined() ? all.narrow(0, part.first, part.heads * part.width) : all;
}

// The query of pooling.token alone, which the layer of all made.
Value* query_of(torch::jit::Graph& graph, const Pooling& pooling, PackedLayers& layers) {
  const auto constant = [&](std::int64_t number) { return graph.insertConstant(number); };
  const Projection& query = *pooling.query;
  const PackedLayers::Plain plain = layers.plain(*layer_of(query.layer));
  auto layer = layers.linear(rows_of(plain.weight, query), rows_of(plain.bias, query));
  if (!layer) return nullptr;
  Value* token =
      graph.insert(c10::aten::slice, {query.layer->input(), constant(1), pooling.token->input(2),
                                      pooling.token->input(3), constant(1)});
  Node* linear = graph.insertNode(make_linear(graph, token, std::move(layer)));
  if (auto norm = norm_of(query.layer)) set_norm(linear, std::move(norm));
  Value* heads =
      graph.insert(c10::aten::view,
                   {linear->output(), std::vector<std::int64_t>{-1, 1, query.heads, query.width}});
  return graph.insert(c10::aten::transpose, {heads, constant(1), constant(2)});
}

}  // namespace

std::int64_t pool_attention(const Graph& graph, PackedLayers& layers) {
  std::int64_t changed = 0;
  for (Node* attention : nodes_of(graph, kAttention)) {
    const auto pooling = pooling_of(attention);
    if (!pooling) continue;
    const PackedLayers::Plain key = layers.plain(*layer_of(pooling->key.layer));
    const PackedLayers::Plain value = layers.plain(*layer_of(pooling->value.layer));
    auto layer = layers.pooled_attention(rows_of(key.weight, pooling->key),
                                         rows_of(value.weight, pooling->value),
                                         rows_of(value.bias, pooling->value), pooling->key.heads);
    if (!layer) continue;
    const torch::jit::WithInsertPoint here(attention);
    Value* query = pooling->query ? query_of(*graph, *pooling, layers) : attention->input(0);
    if (query == nullptr) continue;
    const double scale = step_of(attention).scale_of(pooling->key.width);
    Node* pooled =
        make_pooled_attention(*graph, query, pooling->key.layer->input(), std::move(layer), scale);
    if (auto norm = norm_of(pooling->key.layer)) set_norm(pooled, std::move(norm));
    replace(attention, pooled);
    ++changed;
  }
  return changed;
}

}  // namespace glint::passes
