// Tip-Adapter-F: the keys of a cache as the weights of a linear layer, trained.
// gaopengcuhk/Tip-Adapter main.py, run_tip_adapter_F.
#include <ATen/Functions.h>
#include <glint/adapt.h>
#include <glint/similarity.h>
#include <torch/optim/adamw.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>

#include "adapt/votes.h"
#include "core/check.h"
#include "runtime/guard.h"

namespace glint::adapt {
namespace {

constexpr double kEps = 1e-4;  // of AdamW; its weight decay is torch's default
constexpr double kWeightDecay = 0.01;
constexpr const char* kDoing = "fine-tuning a cache";
constexpr int kMaxEpochs = 100'000;
constexpr int kMaxThreads = 1'024;

at::Tensor tensor_of(std::span<const float> values, at::IntArrayRef shape) {
  return at::from_blob(const_cast<float*>(values.data()), shape, at::kFloat).clone();
}

at::Tensor tensor_of(std::span<const std::int64_t> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return at::from_blob(const_cast<std::int64_t*>(values.data()), {count}, at::kLong).clone();
}

// A thread count, and gradients whatever the host has set.
class TrainingScope {
 public:
  explicit TrainingScope(int threads) : threads_(threads) {}

 private:
  ThreadScope threads_;
  c10::InferenceMode inference_{false};
  at::AutoGradMode gradients_{true};
};

// Pictures in V views each, as tensors.
struct Examples {
  at::Tensor units;    // [N * V, D], unit rows
  at::Tensor logits;   // [N * V, K]
  at::Tensor classes;  // [N]
  std::int64_t views;
};

Examples examples_of(const Features& pictures) {
  std::vector<float> units = pictures.values;
  normalize_rows(units, pictures.embed_dim);
  const std::int64_t rows = pictures.count() * pictures.views;
  return {tensor_of(units, {rows, pictures.embed_dim}),
          tensor_of(pictures.logits, {rows, static_cast<std::int64_t>(pictures.labels.size())}),
          tensor_of(pictures.classes), pictures.views};
}

// run() lets no exception of LibTorch out; what the caller's callback throws passes.
class Trainer {
 public:
  Trainer(const Cache& cache, const Features& shots, const Features* validation,
          const FineTuneOptions& options)
      : cache_(cache),
        options_(options),
        shots_(examples_of(shots)),
        count_(shots.count()),
        random_(options.seed),
        keys_(tensor_of(cache.keys,
                        {static_cast<std::int64_t>(cache.classes.size()), cache.embed_dim})
                  .requires_grad_(true)),
        key_classes_(tensor_of(cache.classes)),
        optimizer_({keys_}, torch::optim::AdamWOptions(options.learning_rate)
                                .eps(kEps)
                                .weight_decay(kWeightDecay)) {
    if (validation != nullptr) validation_ = examples_of(*validation);
    per_epoch_ = (count_ + options.batch - 1) / options.batch;
    steps_ = per_epoch_ * options.epochs;
  }

  FineTuneResult run() {
    FineTuneResult result{cache_, {}, {}, options_.epochs - 1};
    double best = -1;
    for (int epoch = 0; epoch < options_.epochs; ++epoch) {
      result.losses.push_back(train_epoch());
      if (validation_) {
        result.accuracies.push_back(
            guarded(ErrorCode::kInternal, kDoing, [&] { return accuracy_now(); }));
      }
      const bool better = validation_ && result.accuracies.back() > best;
      if (!better && (validation_ || epoch + 1 < options_.epochs)) continue;
      if (better) best = result.accuracies.back();
      result.epoch = epoch;
      result.cache.keys = guarded(ErrorCode::kInternal, kDoing, [&] { return keys_now(); });
    }
    return result;
  }

 private:
  // units [B, D], logits [B, K] -> [B, K]
  at::Tensor tip_logits(const at::Tensor& units, const at::Tensor& logits) const {
    const at::Tensor affinity = at::matmul(units, keys_.t());
    const at::Tensor votes = at::exp(affinity.mul(cache_.beta).sub(cache_.beta));
    return logits.add(at::zeros_like(logits).index_add(1, key_classes_, votes), cache_.alpha);
  }

  // The mean loss of the epoch's batches.
  double train_epoch() {
    std::vector<std::int64_t> order(static_cast<std::size_t>(count_));
    std::iota(order.begin(), order.end(), 0);
    // Not std::shuffle, whose draws are not the same everywhere.
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_() % i]);
    double sum = 0;
    for (std::int64_t first = 0; first < count_; first += options_.batch) {
      check_stop(options_.stop);
      const std::int64_t last = std::min(count_, first + options_.batch);
      const auto batch = std::span(order).subspan(static_cast<std::size_t>(first),
                                                  static_cast<std::size_t>(last - first));
      sum += guarded(ErrorCode::kInternal, kDoing, [&] { return train_step(batch); });
      if (options_.progress) options_.progress(step_, steps_);
    }
    return sum / static_cast<double>(per_epoch_);
  }

  double train_step(std::span<const std::int64_t> pictures) {
    std::vector<std::int64_t> rows;
    for (const std::int64_t picture : pictures) {
      const auto view =
          shots_.views == 1 ? 0 : random_() % static_cast<std::uint64_t>(shots_.views);
      rows.push_back(picture * shots_.views + static_cast<std::int64_t>(view));
    }
    const at::Tensor at_rows = tensor_of(rows);
    const at::Tensor logits =
        tip_logits(shots_.units.index_select(0, at_rows), shots_.logits.index_select(0, at_rows));
    const at::Tensor truth = shots_.classes.index_select(0, tensor_of(pictures));
    const at::Tensor loss = at::cross_entropy_loss(logits, truth);
    const auto value = loss.item<double>();
    if (!std::isfinite(value)) {
      fail(ErrorCode::kInvalidArgument, "expected a finite loss, got ", value, " at step ", step_,
           "; a smaller learning rate may help");
    }
    set_learning_rate();
    optimizer_.zero_grad();
    loss.backward();
    optimizer_.step();
    ++step_;
    return value;
  }

  // torch's CosineAnnealingLR over all steps, down to 0.
  void set_learning_rate() {
    const double part = static_cast<double>(step_) / static_cast<double>(steps_);
    const double rate = 0.5 * options_.learning_rate * (1 + std::cos(std::numbers::pi * part));
    static_cast<torch::optim::AdamWOptions&>(optimizer_.param_groups()[0].options()).lr(rate);
  }

  std::vector<float> keys_now() const {
    const at::Tensor keys = keys_.detach().contiguous();
    const float* values = keys.const_data_ptr<float>();
    return {values, values + keys.numel()};
  }

  double accuracy_now() const {
    const at::NoGradGuard no_gradients;
    const std::int64_t views = validation_->views;
    const at::Tensor units = validation_->units.slice(0, 0, std::nullopt, views);
    const at::Tensor logits =
        tip_logits(units, validation_->logits.slice(0, 0, std::nullopt, views));
    const at::Tensor right = logits.argmax(1).eq(validation_->classes);
    return right.to(at::kDouble).mean().item<double>();
  }

  const Cache& cache_;
  const FineTuneOptions& options_;
  Examples shots_;
  std::optional<Examples> validation_;
  std::int64_t count_;
  std::mt19937_64 random_;
  at::Tensor keys_;         // [N, D], trained
  at::Tensor key_classes_;  // [N]
  torch::optim::AdamW optimizer_;
  std::int64_t per_epoch_ = 0;
  std::int64_t steps_ = 0;
  std::int64_t step_ = 0;
};

void check_options(const FineTuneOptions& options) {
  const auto in_range = [](std::string_view what, std::int64_t value, std::int64_t least,
                           std::int64_t most) {
    if (value < least || value > most) {
      fail(ErrorCode::kInvalidArgument, "expected ", least, " to ", most, " ", what, ", got ",
           value);
    }
  };
  in_range("epochs", options.epochs, 1, kMaxEpochs);
  in_range("pictures in a batch", options.batch, 1, 1 << 30);
  in_range("threads", options.threads, 0, kMaxThreads);
  if (!std::isfinite(options.learning_rate) || options.learning_rate <= 0) {
    fail(ErrorCode::kInvalidArgument, "expected a positive learning rate, got ",
         options.learning_rate);
  }
}

}  // namespace

FineTuneResult fine_tune(const Cache& cache, const Features& shots, const Features* validation,
                         const FineTuneOptions& options) {
  check_options(options);
  check_pictures_of(cache, shots);
  if (validation != nullptr) check_pictures_of(cache, *validation);
  return within_memory(kDoing, [&] {
    const TrainingScope scope(options.threads);
    auto trainer = guarded(ErrorCode::kInternal, kDoing,
                           [&] { return Trainer(cache, shots, validation, options); });
    return trainer.run();
  });
}

}  // namespace glint::adapt
