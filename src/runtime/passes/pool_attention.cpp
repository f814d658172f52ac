// Attention whose one query pools all tokens needs neither keys nor values of them, and of the
// queries only this one.
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>

#include "runtime/passes/graph.h"
#include "runtime/passes/operators.h"
#include "runtime/passes/passes.h"

namespace glint::passes {
namespace {

using torch::jit::Node;
using torch::jit::Value;

// What makes the queries, keys or values [B, heads, N, width] of a layer's rows.
struct Projection {
  Node* layer = nullptr;
  std::int64_t first = 0;  // of the layer's outputs
  std::int64_t heads = 0, width = 0;
};

bool is_plain_layer(const Node* node) {
  return node->kind() == kLinear && node->inputs().size() == 1 && !rectifies(node) &&
         activation_of(node) == Activation::kNone;
}

// The node behind a value that nothing else uses, of a kind; nullptr where it is another.
Node* only_use_of(Value* value, c10::Symbol kind) {
  return value->node()->kind() == kind && value->uses().size() == 1 ? value->node() : nullptr;
}

// Number i of the sizes of a view of `rank` dimensions, where it is constant.
std::optional<std::int64_t> view_size(Node* view, std::size_t rank, std::size_t i) {
  if (const auto sizes = constant_sizes(view->input(1))) {
    return sizes->size() == rank ? std::optional((*sizes)[i]) : std::nullopt;
  }
  Node* sizes = view->input(1)->node();
  const bool listed = sizes->kind() == c10::prim::ListConstruct && sizes->inputs().size() == rank;
  return listed ? constant_int(sizes->input(i)) : std::nullopt;
}

// Whether all that use a value are `view`, and the computation of its sizes.
bool only_viewed(Value* value, Node* view) {
  const auto in_sizes = [&](Value* number) {
    return std::ranges::all_of(number->uses(), [&](const torch::jit::Use& use) {
      return use.user == view->input(1)->node();
    });
  };
  const auto reads_sizes = [&](const torch::jit::Use& use) {
    return (use.user->kind() == c10::aten::__getitem__ ||
            use.user->kind() == c10::prim::ListUnpack) &&
           std::ranges::all_of(use.user->outputs(), in_sizes);
  };
  return std::ranges::all_of(value->uses(), [&](const torch::jit::Use& use) {
    return use.user == view ||
           (use.user->kind() == c10::aten::size && use.user->inputs().size() == 1 &&
            std::ranges::all_of(use.user->output()->uses(), reads_sizes));
  });
}

// Of view(layer(x), [B, N, heads, width]), or [B, N, parts, heads, width] where there are several.
std::optional<Projection> viewed(Node* view, std::int64_t parts) {
  const std::size_t rank = parts == 1 ? 4 : 5;
  const auto heads = view_size(view, rank, rank - 2), width = view_size(view, rank, rank - 1);
  Node* layer = view->input(0)->node();
  const bool fits = heads && width && *heads > 0 && *width > 0 &&
                    (parts == 1 || view_size(view, rank, 2) == parts) && is_plain_layer(layer) &&
                    only_viewed(layer->output(), view) &&
                    layer_of(layer)->out_features() == parts * *heads * *width;
  return fits ? std::optional(Projection{layer, 0, *heads, *width}) : std::nullopt;
}

// view(layer(x), [B, N, heads, width]).transpose(1, 2)
std::optional<Projection> of_one_layer(Value* value) {
  Node* transpose = only_use_of(value, c10::aten::transpose);
  if (transpose == nullptr || !swaps(transpose, 1, 2)) return std::nullopt;
  Node* view = only_use_of(transpose->input(0), c10::aten::view);
  return view == nullptr ? std::nullopt : viewed(view, 1);
}

// view(layer(x), [B, N, 3, heads, width]).permute(2, 0, 3, 1, 4).unbind(0)[i]
std::optional<Projection> of_three(Value* value) {
  constexpr std::int64_t kParts = 3;
  Node* unpack = only_use_of(value, c10::prim::ListUnpack);
  if (unpack == nullptr || unpack->outputs().size() != kParts) return std::nullopt;
  Node* unbind = only_use_of(unpack->input(), c10::aten::unbind);
  if (unbind == nullptr || !is_number(unbind->input(1), 0)) return std::nullopt;
  Node* permute = only_use_of(unbind->input(0), c10::aten::permute);
  if (permute == nullptr || !is_sizes(permute->input(1), {2, 0, 3, 1, 4})) return std::nullopt;
  Node* view = only_use_of(permute->input(0), c10::aten::view);
  if (view == nullptr) return std::nullopt;
  auto found = viewed(view, kParts);
  if (found) {
    found->first = static_cast<std::int64_t>(value->offset()) * found->heads * found->width;
  }
  return found;
}

std::optional<Projection> projection_of(Value* value) {
  const auto found = of_one_layer(value);
  return found ? found : of_three(value);
}

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
  if (is_causal(attention)) return std::nullopt;
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
    const double scale = scale_of(attention, pooling->key.width);
    Node* pooled =
        make_pooled_attention(*graph, query, pooling->key.layer->input(), std::move(layer), scale);
    if (auto norm = norm_of(pooling->key.layer)) set_norm(pooled, std::move(norm));
    replace(attention, pooled);
    ++changed;
  }
  return changed;
}

}  // namespace glint::passes
