// Heads turn what the towers compute into an answer. Users may write their own.
#pragma once

#include <glint/export.h>
#include <glint/image.h>
#include <glint/package.h>
#include <glint/prediction.h>
#include <glint/tensor.h>
#include <glint/towers.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace glint {

// done of total steps; called from the thread that made the call, which what it throws passes
// through unchanged.
using ProgressFn = std::function<void(std::int64_t done, std::int64_t total)>;

// What the words of a question are.
struct TextQuery {
  std::vector<std::string> labels{};     // distinct, none empty
  std::vector<std::string> templates{};  // each with one "{}"; empty: the package's own
  std::stop_token stop{};                // checked between batches; Error(kCancelled)
  ProgressFn progress{};                 // in texts encoded
};

struct PredictOptions {
  std::string task{};      // of the manifest; empty: the package's only task
  std::int64_t top_k = 5;  // labels to list; 0: all
  std::stop_token stop{};  // checked between batches; Error(kCancelled)
  ProgressFn progress{};   // in images
};

// Class embeddings.  rows [K, D] f32 on the CPU, unit rows.
struct ClassBank {
  std::vector<std::string> labels;
  Tensor rows;
};

// What a head makes of the words, once, for any number of images.
using TextState = std::variant<ClassBank>;

// What a head makes of one image, reusable with any TextState.
struct ImageState {
  std::int64_t width = 0;  // of the original picture, pixels
  std::int64_t height = 0;
  Tensor embedding;  // [D] f32 on the CPU, not normalised
};

// Stateless but for what it was made from; all methods may run concurrently.
class GLINT_API Head {
 public:
  virtual ~Head();

  // Throws Error: kInvalidArgument (no labels, an empty or repeated one, a template without "{}"),
  // kCancelled, and what the towers throw.
  virtual TextState prepare(const TextQuery& query, const Towers& towers) const = 0;

  // One state an image, in order.
  virtual std::vector<ImageState> encode(std::span<const ImageView> images, const Towers& towers,
                                         const PredictOptions& options) const = 0;

  virtual Prediction predict(const ImageState& image, const TextState& text, const Towers& towers,
                             const PredictOptions& options) const = 0;
};

// The head of a task, by HeadSpec::type. Throws Error(kUnsupported) for an unknown type.
GLINT_API std::unique_ptr<const Head> make_head(const TaskSpec& task);

}  // namespace glint
