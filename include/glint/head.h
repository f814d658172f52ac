// Heads turn what the towers compute into an answer. Users may write their own: derive from Head,
// and name a factory in ModelOptions::heads (examples/06_own_head.cpp).
#pragma once

#include <glint/class_bank.h>
#include <glint/export.h>
#include <glint/image.h>
#include <glint/package.h>
#include <glint/prediction.h>
#include <glint/progress.h>
#include <glint/tensor.h>
#include <glint/towers.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

namespace glint {

// What the words of a question are.
struct TextQuery {
  std::vector<std::string> labels{};     // distinct, none empty
  std::vector<std::string> templates{};  // each with one "{}"; empty: the package's own
  std::stop_token stop{};                // checked between batches; Error(kCancelled)
  ProgressFn progress{};                 // in texts encoded
};

struct PredictOptions {
  std::string task{};                     // of the manifest; empty: the package's only task
  std::int64_t top_k = 5;                 // labels to list; 0: all
  std::vector<Box> regions{};             // for heads that answer about the caller's own regions
  Protocol protocol = Protocol::kSingle;  // of heads that give pixels a label; encode() and
                                          // predict() get the same one
  bool scores = false;                    // also fill Segmentation::scores: labels * pixels numbers
  std::stop_token stop{};                 // checked between batches and windows; Error(kCancelled)
  ProgressFn progress{};                  // in images; of an ImageState: in steps of the head's own
};

// Words of a head whose text depends on the image: what can be computed before one is seen.
struct PromptSet {
  std::vector<std::string> labels;
  NamedTensors tensors;  // names and shapes are the head's own
};

// Words of a head that fuses text and image: captions that name some labels each.
struct CaptionSet {
  struct Chunk {
    std::string caption;
    std::vector<std::int64_t> labels;  // positions in CaptionSet::labels
    NamedTensors tensors;              // of the caption; names and shapes are the head's own
  };
  std::vector<std::string> labels;
  std::vector<Chunk> chunks;
};

// What a head makes of the words, once, for any number of images. Every head takes the kind it
// makes; a ClassBank also comes from a file.
using TextState = std::variant<ClassBank, PromptSet, CaptionSet>;

// What a head makes of one image, reusable with any TextState of its head.
struct ImageState {
  std::int64_t width = 0;  // of the original picture, pixels; 0: only its pixels were given
  std::int64_t height = 0;
  Tensor embedding{};                      // [D] f32 on the CPU, not normalised; may be empty()
  NamedTensors tensors{};                  // whatever else the head keeps
  std::vector<Box> regions{};              // what rows of tensors belong to, where they do
  std::shared_ptr<const Image> picture{};  // for heads that look at it again in predict()
};

// Stateless but for what it was made from; all methods may run concurrently.
class GLINT_API Head {
 public:
  virtual ~Head();

  // Throws Error: kInvalidArgument (no labels, an empty or repeated one, a template without "{}"),
  // kUnsupported (the package has no text tower), kCancelled, and what the towers throw.
  virtual TextState prepare(const TextQuery& query, const Towers& towers) const = 0;

  // One state an image, in order; at most towers.max_batch() images.
  virtual std::vector<ImageState> encode(std::span<const ImageView> images, const Towers& towers,
                                         const PredictOptions& options) const = 0;

  // The same for pixels [B, 3, H, W] f32 that the caller has preprocessed. The states have no size.
  // Unless overridden: Error(kUnsupported), for a head that needs the picture itself.
  virtual std::vector<ImageState> encode_pixels(const Tensor& pixels, const Towers& towers,
                                                const PredictOptions& options) const;

  // Throws Error: kInvalidArgument (a TextState that another kind of head made), kCancelled.
  virtual Prediction predict(const ImageState& image, const TextState& text, const Towers& towers,
                             const PredictOptions& options) const = 0;
};

// What a head is made from. Valid during the call of the factory only, but for `inner`.
struct HeadContext {
  const Package& package;  // for the tensors that spec.tensors names
  const TaskSpec& task;
  const HeadSpec& spec;               // of this head
  std::shared_ptr<const Head> inner;  // the head before it in the task's list, which it may ask;
                                      // nullptr for the first
};

// Throws Error(kCorruptPackage) when the package lacks what the head needs.
using HeadFactory = std::function<std::shared_ptr<const Head>(const HeadContext&)>;

// Heads that the library does not have, by the type that a package's manifest gives them.
using HeadFactories = std::map<std::string, HeadFactory, std::less<>>;

// Parts that most heads are made of.

// Throws Error(kInvalidArgument) for no labels, or an empty or repeated one.
GLINT_API void check_labels(std::span<const std::string> labels);

// `text` with its one "{}" replaced. Throws Error(kInvalidArgument) for none or several.
GLINT_API std::string fill_template(const std::string& text, const std::string& label);

// texts -> embeddings [T, D] f32 on the CPU, not normalised, in input order. Texts of one length
// share a batch; those that begin alike share the beginning where the text tower has the methods
// encode_prefix and forward_suffix; equal ones are encoded once.
GLINT_API Tensor encode_texts(std::span<const std::string> texts, const Towers& towers,
                              const std::stop_token& stop = {}, const ProgressFn& progress = {});

// What the embeddings of a label's templates are before their mean is taken.
enum class TemplateMean {
  kOfUnitRows,  // of unit length: CLIP (open_clip zero_shot_classifier.py)
  kOfRawRows,   // as the text tower gives them: GroupViT (multi_label_contrastive.py)
};

// Class embeddings of zero-shot classification: each label in every template, the mean of their
// embeddings, normalised. `templates`: used when the query has none of its own.
GLINT_API ClassBank make_class_bank(const TextQuery& query,
                                    const std::vector<std::string>& templates, const Towers& towers,
                                    TemplateMean mean = TemplateMean::kOfUnitRows);

// The ClassBank of `text`, checked to hold rows of embed_dim numbers.
// Throws Error(kInvalidArgument) when it holds another kind of state, or other rows.
GLINT_API const ClassBank& class_bank_of(const TextState& text, std::int64_t embed_dim);

// softmax over all logits, then the best top_k (0: all). Throws Error(kInvalidArgument) when the
// counts differ or a logit is not finite.
GLINT_API Classification classify(const std::vector<std::string>& labels,
                                  std::span<const float> logits, std::int64_t top_k);

}  // namespace glint
