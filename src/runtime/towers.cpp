// The shorthands of Towers: calls of the methods that models/package.md names.
#include <glint/towers.h>

#include "core/check.h"

namespace glint {
namespace {

Tensor output(NamedTensors outputs, std::string_view name) {
  const auto found = outputs.find(name);
  if (found == outputs.end()) {
    fail(ErrorCode::kUnsupported, "expected a tower with an output ", name, ", got ",
         outputs.empty() ? "none" : outputs.begin()->first);
  }
  return std::move(found->second);
}

}  // namespace

Towers::~Towers() = default;

Tensor Towers::image(const Tensor& pixels) const {
  return output(call("image", "forward", {{"pixels", pixels}}), "embedding");
}

Tensor Towers::embed(const Tensor& ids) const {
  return output(call("text", "embed", {{"ids", ids}}), "embeddings");
}

Tensor Towers::text(const TextInput& input) const {
  if (input.ids.empty() == input.embeddings.empty()) {
    fail(ErrorCode::kInvalidArgument, "expected either ids or embeddings, got ",
         input.ids.empty() ? "neither" : "both");
  }
  if (!input.ids.empty()) {
    return output(call("text", "forward", {{"ids", input.ids}}), "embedding");
  }
  return output(
      call("text", "forward_embedded", {{"embeddings", input.embeddings}, {"eot", input.eot}}),
      "embedding");
}

}  // namespace glint
