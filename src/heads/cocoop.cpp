#include "heads/cocoop.h"

#include <glint/similarity.h>

#include <algorithm>
#include <numeric>

#include "core/check.h"
#include "heads/head_needs.h"
#include "heads/image_embedding.h"
#include "heads/prompt_text.h"

namespace glint {
namespace {

// What a PromptSet of this head holds, shorter texts first.
struct Suffixes {
  Tensor ids;      // [T] i64: of all labels, one behind the other
  Tensor labels;   // [K] i64: whose
  Tensor lengths;  // [K] i64: how many
};

const Tensor& find_tensor(const NamedTensors& tensors, std::string_view name,
                          std::string_view what) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) {
    fail(ErrorCode::kInvalidArgument, "expected ", what, " that a head of type cocoop made, got ",
         "one without ", name);
  }
  return found->second;
}

bool are_ids(const Tensor& tensor) {
  return tensor.dtype() == DType::kI64 && tensor.shape().size() == 1;
}

// Callers may make a PromptSet themselves, so nothing in it is taken on trust.
Suffixes suffixes_of(const TextState& text) {
  const auto* const prompts = std::get_if<PromptSet>(&text);
  if (prompts == nullptr) {
    fail(ErrorCode::kInvalidArgument, "expected prompts that wait for an image, got words that ",
         "another kind of head made");
  }
  const auto get = [&](std::string_view name) -> const Tensor& {
    return find_tensor(prompts->tensors, name, "prompts");
  };
  Suffixes all{get("ids"), get("labels"), get("lengths")};
  const auto count = static_cast<std::int64_t>(prompts->labels.size());
  bool fits = are_ids(all.ids) && are_ids(all.labels) && are_ids(all.lengths) && count > 0 &&
              all.labels.dim(0) == count && all.lengths.dim(0) == count;
  std::int64_t rest = fits ? all.ids.dim(0) : 0;
  for (std::int64_t k = 0; fits && k < count; ++k) {
    const auto i = static_cast<std::size_t>(k);
    const std::int64_t label = all.labels.ints()[i], length = all.lengths.ints()[i];
    fits = label >= 0 && label < count && length > 0 && length <= rest;
    rest -= length;
  }
  if (!fits || rest != 0) {
    fail(ErrorCode::kInvalidArgument, "expected prompts whose ids, labels and lengths agree, got ",
         "others for ", count, " labels");
  }
  return all;
}

// How many of `lengths` are as long as the first, at most `most`.
std::size_t same_length(std::span<const std::int64_t> lengths, std::int64_t most) {
  const auto shown = lengths.first(std::min(lengths.size(), static_cast<std::size_t>(most)));
  const auto other = std::ranges::find_if(shown, [&](std::int64_t l) { return l != shown[0]; });
  return static_cast<std::size_t>(other - shown.begin());
}

// The keys and values [layers, heads, P, head_dim] of a prefix of P tokens.
struct Prefix {
  const Tensor& keys;
  const Tensor& values;
};

Prefix prefix_of(const ImageState& image, std::int64_t tokens) {
  const auto get = [&](std::string_view name) -> const Tensor& {
    return find_tensor(image.tensors, name, "an image's state");
  };
  const Prefix prefix{get("keys"), get("values")};
  if (prefix.keys.shape().size() != 4 || prefix.keys.dim(2) != tokens) {
    fail(ErrorCode::kInvalidArgument, "expected an image's state with keys of ", tokens,
         " tokens, got ", shape_text(prefix.keys.shape()));
  }
  return prefix;
}

// ids [B, L] of whole suffixes -> embeddings [B, D] f32 on the CPU.
Tensor encode_suffixes(const Tensor& ids, const Prefix& prefix, const Towers& towers) {
  const Ids eot(static_cast<std::size_t>(ids.dim(0)), ids.dim(1) - 1);
  return towers
      .call("text", "forward_suffix",
            {{"embeddings", towers.embed(ids)},
             {"eot", Tensor::from({ids.dim(0)}, eot)},
             {"keys", prefix.keys},
             {"values", prefix.values}})
      .at("embedding")
      .cpu();
}

// Of a unit vector [D] with embeddings [B, D].
std::vector<float> cosines_of(std::span<const float> unit, const Tensor& embeddings) {
  std::vector<float> rows(embeddings.floats().begin(), embeddings.floats().end());
  normalize_rows(rows, embeddings.dim(1));
  std::vector<float> cosines(static_cast<std::size_t>(embeddings.dim(0)));
  dot_matrix(unit, rows, embeddings.dim(1), cosines);
  return cosines;
}

// The rows [B, 1 + M, width] of the start token and each image's context.
std::vector<float> lay_out(std::span<const float> start, std::span<const float> context,
                           std::span<const float> shifts) {
  const std::size_t width = start.size();
  std::vector<float> rows;
  rows.reserve(shifts.size() + shifts.size() / width * context.size());
  for (std::size_t image = 0; image < shifts.size(); image += width) {
    rows.insert(rows.end(), start.begin(), start.end());
    for (std::size_t i = 0; i < context.size(); ++i) {
      rows.push_back(context[i] + shifts[image + i % width]);
    }
  }
  return rows;
}

Tensor row_of(const Tensor& batch, std::int64_t i) {
  const auto shape = batch.shape();
  return batch.slice(i, i + 1).reshape({shape.begin() + 1, shape.end()});
}

}  // namespace

CocoopHead::CocoopHead(std::string preprocess, Tensor context)
    : ZeroShotHead(std::move(preprocess), {}), context_(std::move(context)) {}

TextState CocoopHead::prepare(const TextQuery& query, const Towers& towers) const {
  const auto vectors = static_cast<std::size_t>(context_.dim(0));
  const auto prompts = make_prompt_texts(query, kNameAndFullStop, vectors, towers);
  std::vector<std::size_t> order(prompts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t k) { return prompts[k].end; });
  Ids ids, labels, lengths;
  for (const std::size_t k : order) {
    // Nothing behind the end token reaches it.
    const auto own = std::span(prompts[k].ids)
                         .first(static_cast<std::size_t>(prompts[k].end) + 1)
                         .subspan(1 + vectors);
    ids.insert(ids.end(), own.begin(), own.end());
    labels.push_back(static_cast<std::int64_t>(k));
    lengths.push_back(static_cast<std::int64_t>(own.size()));
  }
  const auto tensor = [](const Ids& values) {
    return Tensor::from({static_cast<std::int64_t>(values.size())}, values);
  };
  return PromptSet{
      query.labels,
      {{"ids", tensor(ids)}, {"labels", tensor(labels)}, {"lengths", tensor(lengths)}}};
}

// -> [B, 1 + M, width]. The network sees unit embeddings, as in the reference.
Tensor CocoopHead::shifted_prefixes(const std::vector<ImageState>& states,
                                    const Towers& towers) const {
  const std::int64_t dim = towers.manifest().embed_dim, width = context_.dim(1);
  const auto count = static_cast<std::int64_t>(states.size());
  std::vector<float> units;
  for (const ImageState& state : states) {
    const auto unit = unit_embedding_of(state, dim);
    units.insert(units.end(), unit.begin(), unit.end());
  }
  const Tensor shifts =
      towers.call("meta_net", "forward", {{"embedding", Tensor::from({count, dim}, units)}})
          .at("shift")
          .cpu();
  const Ids start{towers.manifest().tokenizer->start_id};
  const Tensor first = towers.embed(Tensor::from({1, 1}, start)).cpu();
  if (first.dim(2) != width || shifts.dim(1) != width) {
    fail(ErrorCode::kInvalidArgument,
         "expected token embeddings and shifts as wide as the learned ", "context, ", width,
         ", got ", first.dim(2), " and ", shifts.dim(1));
  }
  return Tensor::from({count, 1 + context_.dim(0), width},
                      lay_out(first.floats(), context_.floats(), shifts.floats()));
}

std::vector<ImageState> CocoopHead::encode_pixels(const Tensor& pixels, const Towers& towers,
                                                  const PredictOptions& options) const {
  auto states = ZeroShotHead::encode_pixels(pixels, towers, options);
  const NamedTensors prefixes =
      towers.call("text", "encode_prefix", {{"embeddings", shifted_prefixes(states, towers)}});
  for (std::size_t i = 0; i < states.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    states[i].tensors = {{"keys", row_of(prefixes.at("keys"), row)},
                         {"values", row_of(prefixes.at("values"), row)}};
  }
  return states;
}

// Labels that one call of the tower gets when each adds `length` ids to the prefix.
std::int64_t CocoopHead::labels_a_call(std::int64_t length, const Towers& towers) const {
  const std::int64_t context = towers.manifest().tokenizer->context_length;
  const std::int64_t whole = 1 + context_.dim(0) + length;
  if (whole > context) {
    fail(ErrorCode::kInvalidArgument, "expected prompts of at most ", context, " ids, got ", whole);
  }
  return towers.max_batch() * context / whole;
}

Prediction CocoopHead::predict(const ImageState& image, const TextState& text, const Towers& towers,
                               const PredictOptions& options) const {
  const Suffixes suffixes = suffixes_of(text);
  const auto& labels = std::get<PromptSet>(text).labels;
  const Prefix prefix = prefix_of(image, 1 + context_.dim(0));
  const std::int64_t dim = towers.manifest().embed_dim;
  const std::vector<float> unit = unit_embedding_of(image, dim);
  const auto all_lengths = suffixes.lengths.ints(), all_labels = suffixes.labels.ints();
  std::vector<float> cosines(labels.size());
  std::int64_t at = 0;  // in suffixes.ids
  for (std::size_t done = 0; done < labels.size();) {
    check_stop(options.stop);
    const std::int64_t length = all_lengths[done];
    const auto count = same_length(all_lengths.subspan(done), labels_a_call(length, towers));
    const auto rows = static_cast<std::int64_t>(count);
    const Tensor ids = suffixes.ids.slice(at, at + rows * length).reshape({rows, length});
    const std::vector<float> found = cosines_of(unit, encode_suffixes(ids, prefix, towers));
    for (std::size_t i = 0; i < count; ++i) {
      cosines[static_cast<std::size_t>(all_labels[done + i])] = found[i];
    }
    at += rows * length;
    done += count;
    if (options.progress) {
      options.progress(static_cast<std::int64_t>(done), static_cast<std::int64_t>(labels.size()));
    }
  }
  return classify_cosines(labels, std::move(cosines), towers.manifest().logit, options.top_k);
}

std::shared_ptr<const Head> make_cocoop(const HeadContext& context) {
  need_to_be_first(context);
  need_no_templates(context.spec);
  need_parameters(context.spec, {});
  need_image_embedding(context);
  const MethodSpec& prefix = need_method(context, "text", "encode_prefix", {{"embeddings", 3}},
                                         {{"keys", 5}, {"values", 5}});
  need_method(context, "text", "forward_suffix",
              {{"embeddings", 3}, {"eot", 1}, {"keys", 4}, {"values", 4}}, {{"embedding", 2}});
  const MethodSpec& network =
      need_method(context, "meta_net", "forward", {{"embedding", 2}}, {{"shift", 2}});
  const std::int64_t width = size_of(prefix.inputs, "embeddings", 2).size;
  if (size_of(network.outputs, "shift", 1).size != width) {
    fail(ErrorCode::kCorruptPackage, "expected shifts of the text tower's ", width,
         " numbers from the tower meta_net, got ", size_of(network.outputs, "shift", 1).size);
  }
  const NamedTensors tensors = need_tensors(context, {"context"});
  need_shape(tensors, "context", DType::kF32, {0, width});
  need_prompt_room(context.package.manifest(), tensors.at("context").dim(0));
  return std::make_shared<const CocoopHead>(context.task.preprocess, tensors.at("context"));
}

}  // namespace glint
