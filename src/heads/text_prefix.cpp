#include "heads/text_prefix.h"

#include <initializer_list>

#include "heads/head_needs.h"

namespace glint {
namespace {

const std::initializer_list<PortNeed> kEmbeddings = {{"embeddings", 3}};
const std::initializer_list<PortNeed> kMade = {{"keys", 5}, {"values", 5}};
const std::initializer_list<PortNeed> kUsed = {
    {"embeddings", 3}, {"eot", 1}, {"keys", 4}, {"values", 4}};
const std::initializer_list<PortNeed> kEmbedding = {{"embedding", 2}};

}  // namespace

bool has_text_prefixes(const Manifest& manifest) {
  const auto tower = manifest.towers.find("text");
  if (tower == manifest.towers.end()) return false;
  const auto has = [&](std::string_view name, auto inputs, auto outputs) {
    const auto method = tower->second.methods.find(name);
    return method != tower->second.methods.end() && has_ports(method->second, inputs, outputs);
  };
  return has("encode_prefix", kEmbeddings, kMade) && has("forward_suffix", kUsed, kEmbedding);
}

const MethodSpec& need_text_prefixes(const HeadContext& context) {
  const MethodSpec& spec = need_method(context, "text", "encode_prefix", kEmbeddings, kMade);
  need_method(context, "text", "forward_suffix", kUsed, kEmbedding);
  return spec;
}

std::vector<TextPrefix> encode_prefixes(const Tensor& embeddings, const Towers& towers) {
  const NamedTensors made = towers.call("text", "encode_prefix", {{"embeddings", embeddings}});
  const auto row = [&](std::string_view name, std::int64_t i) {
    const Tensor& batch = made.find(name)->second;
    const auto shape = batch.shape();
    return batch.slice(i, i + 1).reshape({shape.begin() + 1, shape.end()});
  };
  std::vector<TextPrefix> prefixes;
  for (std::int64_t i = 0; i < embeddings.dim(0); ++i) {
    prefixes.push_back({row("keys", i), row("values", i)});
  }
  return prefixes;
}

Tensor forward_behind(const TextPrefix& prefix, const Tensor& embeddings, const Tensor& eot,
                      const Towers& towers) {
  return towers
      .call("text", "forward_suffix",
            {{"embeddings", embeddings},
             {"eot", eot},
             {"keys", prefix.keys},
             {"values", prefix.values}})
      .at("embedding");
}

Tensor encode_behind(const TextPrefix& prefix, std::span<const std::size_t> batch,
                     std::span<const Ids> ids, std::size_t skipped, const Towers& towers) {
  Ids eot;
  eot.reserve(batch.size());
  for (const std::size_t text : batch) {
    eot.push_back(static_cast<std::int64_t>(ids[text].size() - skipped) - 1);
  }
  return forward_behind(prefix, towers.embed(stack_ids(batch, ids, skipped)),
                        Tensor::from({static_cast<std::int64_t>(eot.size())}, eot), towers);
}

}  // namespace glint
