#include <glint/similarity.h>
#include <glint/verify.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/check.h"
#include "package/ports.h"
#include "package/reference.h"

namespace glint {
namespace {

using Floats = std::span<const float>;

// What a precision promises of 1 - cosine.
constexpr double kFastTolerance = 1e-4;
constexpr double kCompactTolerance = 1e-2;

// The largest difference seen so far and where it was.
struct Worst {
  double value = 0;
  std::string where;
  void see(double difference, const std::string& place) {
    if (!(difference <= value)) {  // NaN too
      value = std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
      where = place;
    }
  }
};

double max_difference(Floats got, Floats expected) {
  if (got.size() != expected.size()) {
    fail(ErrorCode::kCorruptPackage, "expected ", got.size(), " reference numbers, got ",
         expected.size());
  }
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double difference = std::abs(static_cast<double>(got[i]) - expected[i]);
    if (std::isnan(difference)) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, difference);
  }
  return worst;
}

double max_abs(Floats values) {
  double worst = 0;
  for (const float v : values) worst = std::max(worst, std::abs(static_cast<double>(v)));
  return worst;
}

// max abs difference / max abs value; equal ones differ by 0, whatever they are.
double relative_difference(Floats got, Floats expected) {
  const double difference = max_difference(got, expected);
  return difference == 0 ? 0 : difference / max_abs(expected);
}

// 1 - cosine; 0 for two rows of zeros.
double turn(Floats got, Floats expected) {
  max_difference(got, expected);  // refuses other sizes
  double dot = 0, a = 0, b = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double x = got[i], y = expected[i];
    dot += x * y;
    a += x * x;
    b += y * y;
  }
  return a == 0 && b == 0 ? 0 : 1 - dot / std::sqrt(a * b);
}

VerifyStage stage(std::string name, std::string measure, const Worst& worst, double tolerance) {
  return {std::move(name), std::move(measure), worst.value,
          tolerance,       worst.where,        worst.value <= tolerance};
}

class Verifier {
 public:
  explicit Verifier(const Model& model)
      : model_(model),
        precision_(parse_precision(model.report().precision)),
        spec_(model.manifest().reference),
        golden_(model.package().tensors(spec_.file)) {}

  VerifyReport run() const {
    VerifyReport report;
    const bool images = !spec_.images.empty();
    const bool texts = !spec_.texts.empty();
    if (images) report.stages.push_back(pixels());
    if (texts) report.stages.push_back(ids());
    const bool embeds = images && has_output(model_.manifest().towers.find("image")->second,
                                             "forward", "embedding");
    if (embeds) report.stages.push_back(image_embedding());
    if (texts) report.stages.push_back(text_embedding());
    if (texts && embeds) report.stages.push_back(logits());
    for (std::size_t i = 0; i < spec_.calls.size(); ++i) report.stages.push_back(call(i));
    return report;
  }

 private:
  const Tensor& golden(const std::string& name) const {
    const auto found = golden_.find(name);
    if (found == golden_.end()) {
      fail(ErrorCode::kCorruptPackage, "expected a tensor ", quote(name), " in ",
           quote(spec_.file));
    }
    return found->second;
  }
  std::string picture(std::size_t i) const {
    return cat("picture ", i, " (", spec_.images[i], ")");
  }
  std::string text(std::size_t i) const { return cat("text ", i, " (", spec_.texts[i], ")"); }

  VerifyStage pixels() const {
    const Preprocessor preprocess = model_.preprocessor();
    Worst worst;
    for (std::size_t i = 0; i < spec_.images.size(); ++i) {
      const Image image = decode_image(model_.package().file(spec_.images[i]));
      worst.see(max_difference(preprocess(image), golden(cat("pixels.", i)).floats()), picture(i));
    }
    return stage("pixels", "max abs", worst, 0);
  }

  VerifyStage ids() const {
    const Tokenizer tokenizer = model_.tokenizer();
    Worst worst;
    for (std::size_t i = 0; i < spec_.texts.size(); ++i) {
      const auto got = tokenizer.encode(spec_.texts[i]);
      const auto expected = golden(cat("ids.", i)).ints();
      std::size_t differ = std::max(got.size(), expected.size());
      for (std::size_t k = 0; k < std::min(got.size(), expected.size()); ++k) {
        differ -= got[k] == expected[k] ? 1 : 0;
      }
      worst.see(static_cast<double>(differ), text(i));
    }
    return stage("ids", "ids that differ", worst, 0);
  }

  // got [D] against row i of the golden [N, D], relative to the golden's largest value.
  void see_row(Worst& worst, const Tensor& got, const Tensor& all, std::size_t i,
               const std::string& place) const {
    const std::size_t dim = static_cast<std::size_t>(model_.manifest().embed_dim);
    const Floats expected = all.floats().subspan(i * dim, dim);
    worst.see(difference(got, expected), place);
  }

  // Of what a tower computed, as its precision is measured.
  double difference(const Tensor& got, Floats expected) const {
    const Tensor numbers = got.cpu();
    return precision_ == Precision::kExact ? relative_difference(numbers.floats(), expected)
                                           : turn(numbers.floats(), expected);
  }
  VerifyStage computed(std::string name, const Worst& worst) const {
    if (precision_ == Precision::kExact)
      return stage(std::move(name), "max abs / max", worst, spec_.embedding_tolerance);
    const bool fast = precision_ == Precision::kFast;
    return stage(std::move(name), "1 - cosine", worst, fast ? kFastTolerance : kCompactTolerance);
  }

  VerifyStage image_embedding() const {
    Worst worst;
    for (std::size_t i = 0; i < spec_.images.size(); ++i) {
      const Tensor& pixels = golden(cat("pixels.", i));
      std::vector<std::int64_t> shape(pixels.shape().begin(), pixels.shape().end());
      shape.insert(shape.begin(), 1);
      const Tensor got = model_.towers().image(Tensor::from(shape, pixels.floats()));
      see_row(worst, got, golden("image_embedding"), i, picture(i));
    }
    return computed("image_embedding", worst);
  }

  VerifyStage text_embedding() const {
    Worst worst;
    for (std::size_t i = 0; i < spec_.texts.size(); ++i) {
      const Tensor& ids = golden(cat("ids.", i));
      const Tensor batch = Tensor::from({1, ids.dim(0)}, ids.ints());
      const Tensor got = model_.towers().text({.ids = batch});
      see_row(worst, got, golden("text_embedding"), i, text(i));
    }
    return computed("text_embedding", worst);
  }

  VerifyStage logits() const {
    const std::int64_t dim = model_.manifest().embed_dim;
    const auto unit_rows = [&](const Tensor& tensor) {
      std::vector<float> rows(tensor.floats().begin(), tensor.floats().end());
      normalize_rows(rows, dim);
      return rows;
    };
    const auto expected = golden("logits").floats();
    std::vector<float> got(expected.size());
    dot_matrix(unit_rows(golden("image_embedding")), unit_rows(golden("text_embedding")), dim, got);
    const LogitSpec& logit = model_.manifest().logit;
    Worst worst;
    for (std::size_t i = 0; i < got.size(); ++i) {
      got[i] = static_cast<float>(logit.scale) * got[i] + static_cast<float>(logit.bias);
      worst.see(std::abs(static_cast<double>(got[i]) - expected[i]),
                cat(picture(i / spec_.texts.size()), ", ", text(i % spec_.texts.size())));
    }
    return stage("logits", "max abs", worst, spec_.logit_tolerance);
  }

  // A recorded call of any method; each output relative to its own largest value.
  VerifyStage call(std::size_t i) const {
    const auto& [tower, method] = spec_.calls[i];
    const MethodSpec& ports =
        model_.manifest().towers.find(tower)->second.methods.find(method)->second;
    NamedTensors inputs;
    for (const Port& port : ports.inputs) {
      inputs.emplace(port.name, golden(call_input(i, port.name)));
    }
    Worst worst;
    for (const auto& [name, got] : model_.towers().call(tower, method, inputs)) {
      const Tensor& expected = golden(call_output(i, name));
      if (expected.dtype() == DType::kF32) {
        worst.see(difference(got, expected.floats()), name);
      } else if (!std::ranges::equal(got.cpu().ints(), expected.ints())) {
        worst.see(std::numeric_limits<double>::infinity(), name);
      }
    }
    return computed(cat(tower, ".", method), worst);
  }

  const Model& model_;
  Precision precision_;
  const ReferenceSpec& spec_;
  NamedTensors golden_;
};

}  // namespace

bool VerifyReport::passed() const { return first_failure() == nullptr; }

const VerifyStage* VerifyReport::first_failure() const {
  for (const VerifyStage& stage : stages) {
    if (!stage.passed) return &stage;
  }
  return nullptr;
}

VerifyReport verify(const Model& model) {
  return within_memory("verifying", [&] { return Verifier(model).run(); });
}

}  // namespace glint
