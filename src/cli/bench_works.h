// What `glint bench` can time. Every input is drawn from a fixed seed, so that two runs time the
// same work whatever files a machine has.
#pragma once

#include <glint/model.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/options.h"

namespace glint::cli {

// One call does the work for `items` pictures, texts, queries or packages.
struct Work {
  std::int64_t items = 1;
  int threads = 1;  // CPU threads a call may compute with
  std::string device = "cpu";
  std::string precision = "exact";  // that was computed in
  std::function<void()> call;
};

// A call of one tower with inputs of one shape.
struct ShapeWork {
  std::string tower;
  std::int64_t ids = 0;  // of a text
  bool cold = false;     // no call of the tower came before
  Work work;
};

// Loads the package when the first work needs it, and keeps it for the others.
class BenchWorks {
 public:
  static constexpr std::array<std::string_view, 7> kNames = {
      "encode-image", "encode-text", "classify", "preprocess", "tokenize", "search", "load"};

  // `options` and `context` outlive this object.
  BenchWorks(const CommonOptions& options, const Context& context);

  // Makes a work ready to be called; it refers to this object. `name` is one of kNames.
  // Throws what loading throws, and Error(kUnsupported) for a work the package has no tower for.
  Work make(std::string_view name);

  // Calls of the image tower with several batch sizes, and of the text tower with several lengths,
  // each a shape that the model has not computed with; made first of all works, or they have.
  std::vector<ShapeWork> new_shapes();

 private:
  Work encode_image();
  Work encode_text();
  Work classify();
  Work preprocess();
  Work tokenize();
  Work search();
  Work load();

  Work images(std::int64_t batch);
  Work texts(std::int64_t length);

  const Model& model();
  const std::string& path();
  Work on_device(std::function<void()> call);
  Work on_one_thread(std::function<void()> call) const;

  const CommonOptions& options_;
  const Context& context_;
  int threads_;
  std::string path_;
  std::optional<Model> model_;
};

}  // namespace glint::cli
