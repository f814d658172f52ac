#include "cli/bench_works.h"

#include <glint/device.h>
#include <glint/index.h>
#include <glint/similarity.h>
#include <sched.h>

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "cli/drawn.h"
#include "cli/labels.h"
#include "cli/stopwatch.h"
#include "core/check.h"

namespace glint::cli {
namespace {

constexpr std::int64_t kPromptIds = 10;  // "a photo of a golden retriever." has as many
constexpr std::int64_t kPictureWidth = 500;
constexpr std::int64_t kPictureHeight = 375;
constexpr std::int64_t kSearchRows = 100'000;
constexpr std::int64_t kSearchDim = 512;
constexpr std::int64_t kTopK = 10;
constexpr std::array<std::int64_t, 5> kNewBatches = {1, 2, 3, 5, 8};
constexpr std::int64_t kNewLengthsFrom = 5, kNewLengthsTo = 20;

// The CPUs this process may run on: what "all cores" means to it.
int available_cpus() {
#ifdef __linux__
  cpu_set_t cpus;
  if (sched_getaffinity(0, sizeof cpus, &cpus) == 0) return std::max(1, CPU_COUNT(&cpus));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

std::vector<ImageView> repeated(const Image& image, std::int64_t count) {
  return std::vector<ImageView>(static_cast<std::size_t>(count), image.view());
}

// [batch, length]
Tensor id_rows(const TokenizerSpec& spec, std::int64_t batch, std::int64_t length) {
  std::vector<std::int64_t> rows;
  for (std::int64_t row = 0; row < batch; ++row) {
    const auto ids = drawn_ids(length, spec.start_id, spec.end_id);
    rows.insert(rows.end(), ids.begin(), ids.end());
  }
  return Tensor::from({batch, length}, rows);
}

}  // namespace

BenchWorks::BenchWorks(const CommonOptions& options, const Context& context)
    : options_(options),
      context_(context),
      threads_(options.threads > 0 ? options.threads : available_cpus()) {}

Work BenchWorks::make(std::string_view name) {
  static constexpr std::array kMakers = {&BenchWorks::encode_image, &BenchWorks::encode_text,
                                         &BenchWorks::classify,     &BenchWorks::preprocess,
                                         &BenchWorks::tokenize,     &BenchWorks::search,
                                         &BenchWorks::load};
  static_assert(kMakers.size() == kNames.size());
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) fail(ErrorCode::kNotFound, "nothing to time is called ", quote(name));
  return (this->*kMakers[static_cast<std::size_t>(found - kNames.begin())])();
}

const std::string& BenchWorks::path() {
  if (path_.empty()) path_ = package_path(options_, context_.console);
  return path_;
}

const Model& BenchWorks::model() {
  if (!model_) {
    model_ = Model::load(path(), {.device = options_.device,
                                  .max_batch = options_.batch_size,
                                  .threads = threads_,
                                  .precision = parse_precision(options_.precision),
                                  .stop = context_.stop});
  }
  return *model_;
}

Work BenchWorks::on_device(std::function<void()> call) {
  return {options_.batch_size, threads_, to_string(parse_device(options_.device)),
          model().report().precision, std::move(call)};
}

Work BenchWorks::on_one_thread(std::function<void()> call) const {
  return {options_.batch_size, 1, "cpu", "exact", std::move(call)};
}

Work BenchWorks::images(std::int64_t batch) {
  const Towers& towers = model().towers();
  const PreprocessSpec spec = model().preprocessor().spec();
  const std::vector<std::int64_t> shape = {batch, 3, spec.height, spec.width};
  const Tensor pixels = Tensor::from(shape, drawn_floats(batch * 3 * spec.height * spec.width));
  Work work = on_device([&towers, pixels] {
    // Whatever the tower gives: an embedding, a map, groups.
    for (const auto& [name, tensor] : towers.call("image", "forward", {{"pixels", pixels}})) {
      keep(tensor.cpu());
    }
  });
  work.items = batch;
  return work;
}

// Of `length` ids each, or as many as the context holds.
Work BenchWorks::texts(std::int64_t length) {
  const Towers& towers = model().towers();
  const Tokenizer tokenizer = model().tokenizer();
  const std::int64_t ids = std::min(length, tokenizer.spec().context_length);
  const TextInput input{.ids = id_rows(tokenizer.spec(), options_.batch_size, ids)};
  return on_device([&towers, input] { keep(towers.text(input).cpu()); });
}

Work BenchWorks::encode_image() { return images(options_.batch_size); }

Work BenchWorks::encode_text() { return texts(kPromptIds); }

std::vector<ShapeWork> BenchWorks::new_shapes() {
  std::vector<ShapeWork> shapes;
  for (const std::int64_t batch : kNewBatches) {
    shapes.push_back({"image", 0, shapes.empty(), images(batch)});
  }
  if (!model().manifest().tokenizer) return shapes;
  const std::int64_t longest = std::min(kNewLengthsTo, model().tokenizer().spec().context_length);
  for (std::int64_t length = kNewLengthsFrom; length <= longest; ++length) {
    shapes.push_back({"text", length, length == kNewLengthsFrom, texts(length)});
  }
  return shapes;
}

Work BenchWorks::classify() {
  const auto image = std::make_shared<Image>(drawn_picture(kPictureWidth, kPictureHeight));
  const auto words =
      std::make_shared<TextState>(model().prepare(drawn_prompts(10), {"{}"}, kClassifyTask));
  PredictOptions options;
  options.task = kClassifyTask;
  return on_device([this, image, words, options, images = repeated(*image, options_.batch_size)] {
    keep(model().predict(images, *words, options));
  });
}

Work BenchWorks::preprocess() {
  const auto image = std::make_shared<Image>(drawn_picture(kPictureWidth, kPictureHeight));
  const auto preprocessor = model().preprocessor();
  const auto pixels = std::make_shared<std::vector<float>>(preprocessor.size());
  return on_one_thread([image, pixels, preprocessor, batch = options_.batch_size] {
    for (std::int64_t i = 0; i < batch; ++i) {
      preprocessor(image->view(), *pixels);
      keep(*pixels);
    }
  });
}

Work BenchWorks::tokenize() {
  const auto prompts = drawn_prompts(options_.batch_size);
  return on_one_thread([prompts, tokenizer = model().tokenizer()] {
    for (const std::string& prompt : prompts) keep(tokenizer.encode(prompt));
  });
}

Work BenchWorks::search() {
  auto rows = drawn_floats(kSearchRows * kSearchDim);
  normalize_rows(rows, kSearchDim);
  const std::vector<float> queries(rows.begin(), rows.begin() + options_.batch_size * kSearchDim);
  SearchOptions options;
  options.threads = threads_;
  return {options_.batch_size, threads_, "cpu", "exact",
          [index = Index::build(rows, kSearchDim), queries, options] {
            keep(index.search(queries, kTopK, options));
          }};
}

Work BenchWorks::load() {
  const ModelOptions options{.device = options_.device,
                             .max_batch = options_.batch_size,
                             .threads = threads_,
                             .precision = parse_precision(options_.precision)};
  Work work = on_device([options, from = path()] { keep(Model::load(from, options)); });
  work.items = 1;
  return work;
}

}  // namespace glint::cli
