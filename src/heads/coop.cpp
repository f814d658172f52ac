// The sequence of a prompt is laid out by replacing rows: the tokenizer sees a filler word for each
// context vector (prompt_text.h); their embeddings and the name's then trade places with the
// context as the name's place asks. The end token never moves, and the text tower pools there.
#include "heads/coop.h"

#include <algorithm>

#include "core/check.h"
#include "heads/head_needs.h"
#include "heads/prompt_text.h"
#include "heads/text_prefix.h"

namespace glint {

// Places are counted in rows of the text tower's width.
struct CoopHead::Layout {
  std::span<const float> context;  // [M, width]
  std::size_t before = 0;          // vectors of the context before the name
  std::size_t name = 0;            // ids of the name as a text of its own
};

namespace {

std::size_t vectors_before(NamePlace place, std::size_t vectors) {
  if (place == NamePlace::kFront) return 0;
  return place == NamePlace::kMiddle ? vectors / 2 : vectors;
}

// rows: the embeddings behind the start, of M fillers and the text -> some of the context, the
// name, the rest of the context, the rest of the text.
void place_context(std::span<float> rows, std::span<const float> context, std::size_t before,
                   std::size_t name) {
  const auto copy = [&](std::span<const float> from, std::size_t to) {
    std::copy(from.begin(), from.end(), rows.begin() + static_cast<std::ptrdiff_t>(to));
  };
  // Towards the start, so copying forwards is right where both overlap.
  if (before < context.size()) copy(rows.subspan(context.size(), name), before);
  copy(context.first(before), 0);
  copy(context.subspan(before), before + name);
}

// The rows of each text from `begin` to `end`.  embedded [B, L, width]
Tensor rows_between(const Tensor& embedded, std::int64_t begin, std::int64_t end) {
  const std::int64_t batch = embedded.dim(0), length = embedded.dim(1), width = embedded.dim(2);
  std::vector<float> rows;
  rows.reserve(static_cast<std::size_t>(batch * (end - begin) * width));
  for (std::int64_t i = 0; i < batch; ++i) {
    const auto own =
        embedded.floats().subspan(static_cast<std::size_t>((i * length + begin) * width),
                                  static_cast<std::size_t>((end - begin) * width));
    rows.insert(rows.end(), own.begin(), own.end());
  }
  return Tensor::from({batch, end - begin, width}, rows);
}

Tensor minus(const Tensor& places, std::int64_t rows) {
  Ids moved(places.ints().begin(), places.ints().end());
  for (std::int64_t& place : moved) place -= rows;
  return Tensor::from({places.dim(0)}, moved);
}

// A context [M, width] or [K, M, width] that the text tower takes and the class list fits.
void check_context(const Manifest& manifest, const NamedTensors& tensors) {
  const auto text = manifest.towers.find("text");
  const std::int64_t width =
      text == manifest.towers.end()
          ? 0
          : text->second.methods.at("forward_embedded").inputs.front().shape.back().size;
  const auto shape = tensors.at("context").shape();
  if (shape.size() == 3) {
    if (manifest.classes.empty()) {
      fail(ErrorCode::kCorruptPackage, "expected classes.json, whose classes have a context each, ",
           "got none");
    }
    const auto classes = static_cast<std::int64_t>(manifest.classes.size());
    need_shape(tensors, "context", DType::kF32, {classes, 0, width});
  } else {
    need_shape(tensors, "context", DType::kF32, {0, width});
  }
  need_prompt_room(manifest, shape[shape.size() - 2]);
}

}  // namespace

CoopHead::CoopHead(std::string preprocess, Tensor context, NamePlace place,
                   std::span<const std::string> classes)
    : ZeroShotHead(std::move(preprocess), {}),
      context_(std::move(context)),
      place_(place),
      classes_(classes, "that have a learned context each") {}

std::span<const float> CoopHead::context_of(const std::string& label) const {
  const auto all = context_.floats();
  if (context_.shape().size() == 2) return all;
  const std::size_t size = all.size() / classes_.size();
  return all.subspan(classes_.of(label) * size, size);
}

CoopHead::Layout CoopHead::layout_of(const std::string& label, const PromptText& prompt,
                                     const Towers& towers) const {
  // The reference counts the name's ids alone and splits the text there, even where name and full
  // stop share an id, as in ")."; the end token may be the last that is split off.
  const std::size_t name =
      std::min(towers.tokenize(prompt.name).size() - 2, prompt.ids.size() - 1 - vectors());
  return {context_of(label), vectors_before(place_, vectors()), name};
}

// embedded: the embeddings [B, L, width] of the prompts' ids.
Tensor CoopHead::place_contexts(const Tensor& embedded, std::span<const std::size_t> batch,
                                std::span<const Layout> layouts) const {
  const std::vector<std::int64_t> shape(embedded.shape().begin(), embedded.shape().end());
  if (shape.back() != context_.shape().back()) {
    fail(ErrorCode::kInvalidArgument, "expected token embeddings as wide as the learned context, ",
         context_.shape().back(), ", got ", shape.back());
  }
  std::vector<float> rows(embedded.floats().begin(), embedded.floats().end());
  const auto width = static_cast<std::size_t>(shape.back()), text = rows.size() / batch.size();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Layout& layout = layouts[batch[i]];
    place_context(std::span(rows).subspan(i * text + width, text - width), layout.context,
                  layout.before * width, layout.name * width);
  }
  return Tensor::from(shape, rows);
}

std::int64_t CoopHead::shared_rows(std::size_t prompts, const Towers& towers) const {
  if (context_.shape().size() == 3 || !has_text_prefixes(towers.manifest())) return 0;
  const auto rows = static_cast<std::int64_t>(1 + vectors_before(place_, vectors()));
  return static_cast<std::int64_t>(prompts - 1) * rows > kRowsOfACall ? rows : 0;
}

TextState CoopHead::prepare(const TextQuery& query, const Towers& towers) const {
  const auto prompts = make_prompt_texts(query, kNameAndFullStop, vectors(), towers);
  std::vector<Layout> layouts;
  layouts.reserve(prompts.size());
  for (std::size_t k = 0; k < prompts.size(); ++k) {
    check_stop(query.stop);
    layouts.push_back(layout_of(query.labels[k], prompts[k], towers));
  }
  const std::int64_t shared = shared_rows(prompts.size(), towers);
  TextPrefix prefix;  // of the first batch, and so of all
  return make_prompt_bank(
      query, prompts, towers,
      [&](const Tensor& ids, const Tensor& eot, std::span<const std::size_t> batch) {
        const Tensor rows = place_contexts(towers.embed(ids).cpu(), batch, layouts);
        if (shared == 0) return towers.text({.embeddings = rows, .eot = eot});
        if (prefix.keys.empty()) {
          prefix = encode_prefixes(rows_between(rows.slice(0, 1), 0, shared), towers).front();
        }
        return forward_behind(prefix, rows_between(rows, shared, rows.dim(1)), minus(eot, shared),
                              towers);
      });
}

std::shared_ptr<const Head> make_coop(const HeadContext& context) {
  need_to_be_first(context);
  need_no_templates(context.spec);
  need_image_embedding(context);
  need_parameters(context.spec, {"class_token_position"});
  const auto place = static_cast<NamePlace>(
      need_choice(context.spec, "class_token_position", {"end", "middle", "front"}));
  const NamedTensors tensors = need_tensors(context, {"context"});
  check_context(context.package.manifest(), tensors);
  return std::make_shared<const CoopHead>(context.task.preprocess, tensors.at("context"), place,
                                          context.package.manifest().classes);
}

}  // namespace glint
