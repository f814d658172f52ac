#include "heads/maple.h"

#include <algorithm>

#include "core/check.h"
#include "heads/head_needs.h"
#include "heads/prompt_text.h"

namespace glint {
namespace {

// Prompts that a tower's forward_prompted takes: of its width, and of no more layers than it has.
void need_prompts(const NamedTensors& tensors, std::string_view name, std::string_view tower,
                  const MethodSpec& method) {
  const auto port = std::ranges::find(method.inputs, "prompts", &Port::name);
  need_shape(tensors, name, DType::kF32, {0, 0, port->shape[2].size});
  const std::int64_t layers = port->shape[0].most, depth = tensors.find(name)->second.dim(0);
  if (layers == 0) {
    fail(ErrorCode::kCorruptPackage, "expected the port prompts of towers.", tower,
         ".forward_prompted to say how many layers there are, as in \"P<=12\", got ",
         to_string(*port));
  }
  if (depth > layers) {
    fail(ErrorCode::kCorruptPackage, "expected ", name, " of at most ", layers,
         " layers, as many as the tower has, got ", depth);
  }
}

Tensor text_prompts(const HeadContext& context, const NamedTensors& tensors) {
  const auto found = tensors.find("text_prompts");
  if (found == tensors.end()) return {};
  const Manifest& manifest = context.package.manifest();
  // Without a text tower, banks that were made elsewhere stand for the words.
  if (!manifest.tokenizer) {
    need_shape(tensors, "text_prompts", DType::kF32, {0, 0, 0});
    return found->second;
  }
  need_prompts(tensors, "text_prompts", "text",
               need_method(context, "text", "forward_prompted",
                           {{"embeddings", 3}, {"eot", 1}, {"prompts", 3}}, {{"embedding", 2}}));
  need_prompt_room(manifest, found->second.dim(1));
  return found->second;
}

Tensor image_prompts(const HeadContext& context, const NamedTensors& tensors) {
  const auto found = tensors.find("image_prompts");
  if (found == tensors.end()) return {};
  need_prompts(tensors, "image_prompts", "image",
               need_method(context, "image", "forward_prompted", {{"pixels", 4}, {"prompts", 3}},
                           {{"embedding", 2}}));
  return found->second;
}

}  // namespace

MapleHead::MapleHead(std::string preprocess, Prompts prompts, std::string words)
    : ZeroShotHead(std::move(preprocess), {}),
      prompts_(std::move(prompts)),
      words_(std::move(words)) {}

TextState MapleHead::prepare(const TextQuery& query, const Towers& towers) const {
  const bool plain = prompts_.text.empty();
  const auto vectors = plain ? std::size_t{0} : static_cast<std::size_t>(prompts_.text.dim(1));
  const auto prompts = make_prompt_texts(query, words_, vectors, towers);
  return make_prompt_bank(
      query, prompts, towers,
      [&](const Tensor& ids, const Tensor& eot, std::span<const std::size_t> /*batch*/) {
        if (plain) return towers.text({.ids = ids});
        return towers
            .call("text", "forward_prompted",
                  {{"embeddings", towers.embed(ids)}, {"eot", eot}, {"prompts", prompts_.text}})
            .at("embedding");
      });
}

Tensor MapleHead::embed_pixels(const Tensor& pixels, const Towers& towers) const {
  if (prompts_.image.empty()) return towers.image(pixels);
  return towers.call("image", "forward_prompted", {{"pixels", pixels}, {"prompts", prompts_.image}})
      .at("embedding");
}

std::shared_ptr<const Head> make_maple(const HeadContext& context) {
  need_to_be_first(context);
  need_no_templates(context.spec);
  need_image_embedding(context);
  need_parameters(context.spec, {"template"});
  std::string words = need_template(context.spec, "template");
  const NamedTensors tensors = need_some_tensors(context, {"text_prompts", "image_prompts"});
  return std::make_shared<const MapleHead>(
      context.task.preprocess,
      MapleHead::Prompts{text_prompts(context, tensors), image_prompts(context, tensors)},
      std::move(words));
}

}  // namespace glint
