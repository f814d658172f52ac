// The sequence of a prompt is laid out by replacing rows: the tokenizer sees a filler word for each
// context vector, as in the reference, so the ids of name and full stop are those it trained with;
// their embeddings and the context then trade places as the name's place asks. The end token never
// moves, and the text tower pools there.
#include "heads/coop.h"

#include <glint/similarity.h>

#include <algorithm>

#include "core/check.h"
#include "heads/head_needs.h"
#include "heads/text_batches.h"

namespace glint {

// Places are counted in rows of the text tower's width.
struct CoopHead::Prompt {
  Ids ids;                         // start, M fillers, name, full stop, end
  std::span<const float> context;  // [M, width]
  std::size_t before = 0;          // vectors of the context before the name
  std::size_t name = 0;            // ids of the name as a text of its own
  std::int64_t end = 0;            // where the end token is
};

namespace {

constexpr std::string_view kFiller = "X ";  // one id

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
  if (!manifest.tokenizer) return;
  // Start, one id of a name with its full stop, and end must fit beside it.
  const std::int64_t most = manifest.tokenizer->context_length - 3;
  const std::int64_t vectors = shape[shape.size() - 2];
  if (vectors > most) {
    fail(ErrorCode::kCorruptPackage, "expected a context of at most ", most, " vectors for the ",
         manifest.tokenizer->context_length, " ids of the text tower, got ", vectors);
  }
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

CoopHead::Prompt CoopHead::make_prompt(const std::string& label, const Towers& towers) const {
  Prompt prompt;
  prompt.context = context_of(label);
  std::string name = label;
  std::ranges::replace(name, '_', ' ');
  const auto limit = static_cast<std::size_t>(towers.manifest().tokenizer->context_length);
  // Without fillers first: a tokenizer that truncates would hide that a prompt is too long.
  const std::size_t length = towers.tokenize(name + ".").size() + vectors();
  if (length > limit) {
    fail(ErrorCode::kInvalidArgument, "expected prompts of at most ", limit, " ids, got ", length,
         " with ", vectors(), " vectors of context for label ", quote(label));
  }
  std::string text;
  for (std::size_t i = 0; i < vectors(); ++i) text += kFiller;
  prompt.ids = towers.tokenize(text + name + ".");
  GLINT_CHECK(prompt.ids.size() > vectors() + 1);
  // The reference counts the name's ids alone and splits the text there, even where name and full
  // stop share an id, as in ")."; the end token may be the last that is split off.
  prompt.name = std::min(towers.tokenize(name).size() - 2, prompt.ids.size() - 1 - vectors());
  prompt.before = vectors_before(place_, vectors());
  const auto end = std::ranges::find(prompt.ids, towers.manifest().tokenizer->end_id);
  prompt.end = end - prompt.ids.begin();
  return prompt;
}

// words: the embeddings [B, L, width] of the prompts' ids.
Tensor CoopHead::encode_batch(const Tensor& words, std::span<const std::size_t> batch,
                              std::span<const Prompt> prompts, const Towers& towers) const {
  const std::vector<std::int64_t> shape(words.shape().begin(), words.shape().end());
  if (shape.back() != context_.shape().back()) {
    fail(ErrorCode::kInvalidArgument, "expected token embeddings as wide as the learned context, ",
         context_.shape().back(), ", got ", shape.back());
  }
  std::vector<float> rows(words.floats().begin(), words.floats().end());
  const auto width = static_cast<std::size_t>(shape.back()), text = rows.size() / batch.size();
  Ids eot;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Prompt& prompt = prompts[batch[i]];
    place_context(std::span(rows).subspan(i * text + width, text - width), prompt.context,
                  prompt.before * width, prompt.name * width);
    eot.push_back(prompt.end);
  }
  return towers.text({.embeddings = Tensor::from(shape, rows),
                      .eot = Tensor::from({static_cast<std::int64_t>(batch.size())}, eot)});
}

TextState CoopHead::prepare(const TextQuery& query, const Towers& towers) const {
  check_labels(query.labels);
  if (!query.templates.empty()) {
    fail(ErrorCode::kInvalidArgument, "expected no templates, which the learned context replaces, ",
         "got ", query.templates.size());
  }
  if (!towers.manifest().tokenizer) {
    fail(ErrorCode::kUnsupported, "package ", quote(towers.manifest().name), " has no text tower");
  }
  std::vector<Prompt> prompts;
  std::vector<Ids> ids;
  for (const std::string& label : query.labels) {
    check_stop(query.stop);
    prompts.push_back(make_prompt(label, towers));
    ids.push_back(prompts.back().ids);
  }
  const auto encode = [&](std::span<const std::size_t> batch) {
    return encode_batch(towers.embed(stack_ids(batch, ids)).cpu(), batch, prompts, towers);
  };
  const Tensor embeddings = encode_by_length(ids, towers, encode, query.stop, query.progress);
  std::vector<float> rows(embeddings.floats().begin(), embeddings.floats().end());
  normalize_rows(rows, embeddings.dim(1));
  return ClassBank{query.labels, Tensor::from({embeddings.dim(0), embeddings.dim(1)}, rows)};
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
