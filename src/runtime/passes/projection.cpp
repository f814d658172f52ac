#include "runtime/passes/projection.h"

#include <algorithm>

#include "runtime/passes/graph.h"
#include "runtime/passes/operators.h"

namespace glint::passes {

using torch::jit::Node;
using torch::jit::Value;

namespace {

bool is_plain_layer(const Node* node) {
  return node->kind() == kLinear && node->inputs().size() == 1 && !rectifies(node) &&
         activation_of(node) == Activation::kNone;
}

// The node behind a value that nothing else uses, of a kind; nullptr where it is another.
Node* only_use_of(Value* value, c10::Symbol kind) {
  return value->node()->kind() == kind && value->uses().size() == 1 ? value->node() : nullptr;
}

// Size i of a view, where it is constant.
std::optional<std::int64_t> view_size(Node* view, std::size_t i) {
  return constant_int(view->input(1)->node()->input(i));
}

// Whether a number is size `dim` of a value, or of the layer that makes it of a value: they agree
// but in the last dimension.
bool is_size(Value* number, std::int64_t dim, Node* layer) {
  Node* node = number->node();
  const bool picks = node->kind() == c10::aten::__getitem__
                         ? constant_int(node->input(1)) == dim
                         : node->kind() == c10::prim::ListUnpack &&
                               static_cast<std::int64_t>(number->offset()) == dim;
  if (!picks || node->input(0)->node()->kind() != c10::aten::size) return false;
  Node* size = node->input(0)->node();
  return size->inputs().size() == 1 &&
         (size->input() == layer->input() || size->input() == layer->output());
}

// Whether all that use a value are `view`, and questions for sizes.
bool only_viewed(Value* value, Node* view) {
  return std::ranges::all_of(value->uses(), [&](const torch::jit::Use& use) {
    return use.user == view || use.user->kind() == c10::aten::size;
  });
}

// Of view(layer(x), [B, N, heads, width]), or [B, N, parts, heads, width] where there are several,
// B and N being x's: tokens may not have been grouped anew.
std::optional<Projection> viewed(Node* view, std::int64_t parts) {
  const std::size_t rank = parts == 1 ? 4 : 5;
  Node* sizes = view->input(1)->node();
  if (sizes->kind() != c10::prim::ListConstruct || sizes->inputs().size() != rank)
    return std::nullopt;
  const auto heads = view_size(view, rank - 2), width = view_size(view, rank - 1);
  Node* layer = view->input(0)->node();
  const bool fits = heads && width && *heads > 0 && *width > 0 &&
                    (parts == 1 || view_size(view, 2) == parts) && is_plain_layer(layer) &&
                    only_viewed(layer->output(), view) &&
                    layer_of(layer)->out_features() == parts * *heads * *width &&
                    is_size(sizes->input(0), 0, layer) && is_size(sizes->input(1), 1, layer);
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

}  // namespace

std::optional<Projection> projection_of(Value* value) {
  const auto found = of_one_layer(value);
  return found ? found : of_three(value);
}

}  // namespace glint::passes
