#include "heads/cocoop.h"

#include <glint/similarity.h>

#include <algorithm>
#include <numeric>

#include "core/check.h"
#include "heads/head_needs.h"
#include "heads/image_embedding.h"
#include "heads/prompt_text.h"
#include "heads/text_prefix.h"

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

// The ids of each, one text a label.
std::vector<Ids> split(const Suffixes& all) {
  std::vector<Ids> texts;
  auto rest = all.ids.ints();
  for (const std::int64_t length : all.lengths.ints()) {
    const auto own = rest.first(static_cast<std::size_t>(length));
    texts.emplace_back(own.begin(), own.end());
    rest = rest.subspan(own.size());
  }
  return texts;
}

TextPrefix prefix_of(const ImageState& image, std::int64_t tokens) {
  const auto get = [&](std::string_view name) -> const Tensor& {
    return find_tensor(image.tensors, name, "an image's state");
  };
  TextPrefix prefix{get("keys"), get("values")};
  if (prefix.keys.shape().size() != 4 || prefix.length() != tokens) {
    fail(ErrorCode::kInvalidArgument, "expected an image's state with keys of ", tokens,
         " tokens, got ", shape_text(prefix.keys.shape()));
  }
  return prefix;
}

void need_room(std::span<const Ids> suffixes, const TextPrefix& prefix, const Towers& towers) {
  const std::int64_t context = towers.manifest().tokenizer->context_length;
  for (const Ids& ids : suffixes) {
    const std::int64_t whole = prefix.length() + static_cast<std::int64_t>(ids.size());
    if (whole <= context) continue;
    fail(ErrorCode::kInvalidArgument, "expected prompts of at most ", context, " ids, got ", whole);
  }
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
  const auto prefixes = encode_prefixes(shifted_prefixes(states, towers), towers);
  for (std::size_t i = 0; i < states.size(); ++i) {
    states[i].tensors = {{"keys", prefixes[i].keys}, {"values", prefixes[i].values}};
  }
  return states;
}

Prediction CocoopHead::predict(const ImageState& image, const TextState& text, const Towers& towers,
                               const PredictOptions& options) const {
  const Suffixes suffixes = suffixes_of(text);
  const auto& labels = std::get<PromptSet>(text).labels;
  const TextPrefix prefix = prefix_of(image, 1 + context_.dim(0));
  const std::vector<Ids> ids = split(suffixes);
  need_room(ids, prefix, towers);
  const std::vector<float> unit = unit_embedding_of(image, towers.manifest().embed_dim);
  std::vector<float> cosines(labels.size());
  std::int64_t done = 0;
  const auto use = [&](std::span<const std::size_t> batch) {
    const Tensor embeddings = encode_behind(prefix, batch, ids, 0, towers).cpu();
    const std::vector<float> found = cosines_of(unit, embeddings);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      cosines[static_cast<std::size_t>(suffixes.labels.ints()[batch[i]])] = found[i];
    }
    done += static_cast<std::int64_t>(batch.size());
    if (options.progress) options.progress(done, static_cast<std::int64_t>(labels.size()));
  };
  std::vector<std::size_t> all(ids.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  const BatchRule rule{.rows = rows_a_call(towers), .prefix = prefix.length(), .pad = true};
  for_each_text_batch(all, ids, rule, options.stop, use);
  return classify_cosines(labels, std::move(cosines), towers.manifest().logit, options.top_k);
}

std::shared_ptr<const Head> make_cocoop(const HeadContext& context) {
  need_to_be_first(context);
  need_no_templates(context.spec);
  need_parameters(context.spec, {});
  need_image_embedding(context);
  const MethodSpec& prefix = need_text_prefixes(context);
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
