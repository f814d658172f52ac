// The side of glint in peers.py: does one work at a time and says how long each call took.
// Questions come on stdin and answers go to stdout, one JSON object a line; harness/worker.py is
// the same for the Python engines.
//
//   {"do": "prepare", "job": {"work": "encode-image", ...}}   -> {}
//   {"do": "run", "warm": 1, "calls": 5}                      -> {"ns": [...]}
//   {"do": "save", "path": "result.bin"}                      -> {}, the last result's numbers
//
// Whatever fails is answered with {"error": "..."}.
#include <glint/glint.h>
#include <glint/index.h>
#include <glint/towers.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Json = nlohmann::json;

// The result of the last call; ids and positions are i64, all else f32.
struct Result {
  std::vector<float> floats;
  std::vector<std::int64_t> ints;
};

struct Work {
  std::function<void()> call;
  std::shared_ptr<Result> result = std::make_shared<Result>();
};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The numbers of a .npy file of version 1 whose header numpy.save has just written.
template <typename T>
std::vector<T> read_npy(const std::string& path) {
  const std::string file = read_file(path);
  std::uint16_t header = 0;
  if (file.size() < 10) throw std::runtime_error("no .npy file: " + path);
  std::memcpy(&header, file.data() + 8, sizeof header);
  const std::size_t start = 10U + header;
  std::vector<T> values((file.size() - start) / sizeof(T));
  std::memcpy(values.data(), file.data() + start, values.size() * sizeof(T));
  return values;
}

glint::Model load(const Json& job) {
  return glint::Model::load(job.at("package"),
                            {.threads = job.at("threads"),
                             .precision = glint::parse_precision(job.value("precision", "exact"))});
}

void keep(const glint::Tensor& tensor, Result& result) {
  const auto values = tensor.cpu();
  result.floats.assign(values.floats().begin(), values.floats().end());
}

Work encode_image(const Json& job) {
  Work work;
  const auto shape = job.at("shape").get<std::vector<std::int64_t>>();
  const auto pixels = glint::Tensor::from(shape, read_npy<float>(job.at("input")));
  work.call = [model = load(job), pixels, out = work.result] {
    keep(model.towers().image(pixels), *out);
  };
  return work;
}

Work encode_text(const Json& job) {
  Work work;
  const auto shape = job.at("shape").get<std::vector<std::int64_t>>();
  const glint::TextInput input{
      .ids = glint::Tensor::from(shape, read_npy<std::int64_t>(job.at("input")))};
  work.call = [model = load(job), input, out = work.result] {
    keep(model.towers().text(input), *out);
  };
  return work;
}

std::vector<std::string> read_lines(const std::string& path) {
  std::vector<std::string> texts;
  std::istringstream lines(read_file(path));
  for (std::string line; std::getline(lines, line);) texts.push_back(line);
  return texts;
}

// Texts, one a line -> the embeddings of one of every N, not normalised.
Work encode_texts(const Json& job) {
  Work work;
  const auto texts = read_lines(job.at("input"));
  const std::size_t every = job.at("every");
  work.call = [model = load(job), texts, every, out = work.result] {
    const auto rows = model.encode_texts(texts, {.normalize = false});
    out->floats.clear();
    for (std::size_t i = 0; i < texts.size(); i += every) {
      const auto row = rows.row(static_cast<std::int64_t>(i));
      out->floats.insert(out->floats.end(), row.begin(), row.end());
    }
  };
  return work;
}

// A class bank of 1,000 rows from its file, checked against the model.
Work load_bank(const Json& job) {
  Work work;
  const auto model = load(job);
  const std::int64_t dim = model.manifest().embed_dim;
  glint::ClassBank bank;
  for (int k = 0; k < 1000; ++k) bank.labels.push_back("class " + std::to_string(k));
  const std::vector<float> rows(static_cast<std::size_t>(1000 * dim), 0.5F);
  bank.rows = glint::Tensor::from({1000, dim}, rows);
  bank.source = model.bank_source();
  const std::string path = job.at("bank");
  glint::save_class_bank(bank, path);
  work.call = [model, path, out = work.result] {
    const auto loaded = glint::load_class_bank(path);
    model.check_bank(loaded);
    keep(loaded.rows, *out);
  };
  return work;
}

// pixels [B, 3, H, W] f32 -> logits of the package's classes, whose words are prepared before.
Work classify(const Json& job) {
  Work work;
  const auto shape = job.at("shape").get<std::vector<std::int64_t>>();
  const auto pixels = glint::Tensor::from(shape, read_npy<float>(job.at("input")));
  const auto model = load(job);
  glint::PredictOptions options;
  options.top_k = 0;
  work.call = [model, pixels, options, text = model.prepare(), out = work.result] {
    out->floats.clear();
    for (const auto& state : model.encode_pixels(pixels, options)) {
      const auto answer = model.predict(state, text, options);
      const auto& scores = std::get<glint::Classification>(answer).scores;
      const std::size_t start = out->floats.size();
      out->floats.resize(start + scores.size());
      for (const auto& score : scores) {
        out->floats[start + static_cast<std::size_t>(score.index)] = score.logit;
      }
    }
  };
  return work;
}

// pixels [1, 3, H, W] f32 -> the map of an LSeg image tower.
Work encode_map(const Json& job) {
  Work work;
  const auto shape = job.at("shape").get<std::vector<std::int64_t>>();
  const auto pixels = glint::Tensor::from(shape, read_npy<float>(job.at("input")));
  work.call = [model = load(job), pixels, out = work.result] {
    keep(model.towers().call("image", "forward", {{"pixels", pixels}}).at("map"), *out);
  };
  return work;
}

void keep(const glint::Prediction& prediction, Result& result) {
  const auto& map = std::get<glint::Segmentation>(prediction).map;
  result.ints.assign(map.begin(), map.end());
}

// pixels [1, 3, H, W] f32 -> labels, whose words are prepared before; with `head_alone`, the image
// tower's part, too.
Work segment(const Json& job, bool head_alone) {
  Work work;
  const auto shape = job.at("shape").get<std::vector<std::int64_t>>();
  const auto pixels = glint::Tensor::from(shape, read_npy<float>(job.at("input")));
  const auto model = load(job);
  const auto text = model.prepare(read_lines(job.at("labels")));
  if (head_alone) {
    work.call = [model, text, state = model.encode_pixels(pixels).front(), out = work.result] {
      keep(model.predict(state, text), *out);
    };
    return work;
  }
  work.call = [model, text, pixels, out = work.result] {
    keep(model.predict(model.encode_pixels(pixels).front(), text), *out);
  };
  return work;
}

// RGB [H, W, 3] u8 and labels -> labels by the official protocol.
Work segment_official(const Json& job) {
  Work work;
  const auto shape = job.at("shape").get<std::vector<std::int64_t>>();
  const auto picture = std::make_shared<glint::Image>(
      shape.at(1), shape.at(0), glint::PixelMode::kRGB, read_npy<std::uint8_t>(job.at("input")));
  glint::PredictOptions options;
  options.protocol = glint::Protocol::kOfficial;
  work.call = [model = load(job), labels = read_lines(job.at("labels")), picture, options,
               out = work.result] {
    keep(model.predict(*picture, model.prepare(labels), options), *out);
  };
  return work;
}

glint::Preprocessor preprocessor_of(const Json& job) {
  const auto package = glint::Package::open(job.at("package"));
  const auto& preprocess = package.manifest().tasks.begin()->second.preprocess;
  return glint::Preprocessor(package.manifest().preprocess.at(preprocess));
}

// RGB [H, W, 3] u8 -> pixels of the package's preprocess.
Work preprocess(const Json& job) {
  Work work;
  const auto shape = job.at("shape").get<std::vector<std::int64_t>>();
  const glint::Preprocessor preprocessor = preprocessor_of(job);
  const auto picture = std::make_shared<glint::Image>(
      shape.at(1), shape.at(0), glint::PixelMode::kRGB, read_npy<std::uint8_t>(job.at("input")));
  work.result->floats.resize(static_cast<std::size_t>(preprocessor.size()));
  work.call = [picture, preprocessor, out = work.result] {
    preprocessor(picture->view(), out->floats);
  };
  return work;
}

// A JPEG file's bytes -> the same.
Work preprocess_jpeg(const Json& job) {
  Work work;
  const glint::Preprocessor preprocessor = preprocessor_of(job);
  work.result->floats.resize(static_cast<std::size_t>(preprocessor.size()));
  work.call = [file = read_file(job.at("input")), preprocessor, out = work.result] {
    const glint::Image picture = glint::decode_image(std::as_bytes(std::span(file)));
    preprocessor(picture.view(), out->floats);
  };
  return work;
}

// Texts, one a line -> ids of each, filled up with zeros to the context length.
Work tokenize(const Json& job) {
  Work work;
  const auto texts = read_lines(job.at("input"));
  const auto package = glint::Package::open(job.at("package"));
  const auto tokenizer = glint::Tokenizer::clip_bpe(package.manifest().tokenizer.value(),
                                                    package.file(package.manifest().merges_file));
  const auto context = static_cast<std::size_t>(tokenizer.spec().context_length);
  work.call = [texts, tokenizer, context, out = work.result] {
    out->ints.assign(texts.size() * context, 0);
    auto row = out->ints.begin();
    for (const std::string& text : texts) {
      std::ranges::copy(tokenizer.encode(text), row);
      row += static_cast<std::ptrdiff_t>(context);
    }
  };
  return work;
}

// Positions of the k best rows for each query.
Work search(const Json& job) {
  Work work;
  const std::int64_t dim = job.at("dim"), k = job.at("k");
  const auto storage =
      job.value("storage", "") == "f32" ? glint::IndexStorage::kF32 : glint::IndexStorage::kInt8;
  const auto index = glint::Index::build(read_npy<float>(job.at("rows")), dim, storage);
  glint::SearchOptions options;
  options.threads = job.at("threads");
  work.call = [index, queries = read_npy<float>(job.at("queries")), k, options, out = work.result] {
    out->ints.clear();
    for (const glint::Hit& hit : index.search(queries, k, options).hits) {
      out->ints.push_back(hit.index);
    }
  };
  return work;
}

// alpha, beta and accuracy of a Tip-Adapter cache on labelled pictures, words included.
Work tune(const Json& job) {
  Work work;
  const auto words = read_npy<float>(job.at("words"));
  glint::adapt::Cache cache;
  cache.keys = read_npy<float>(job.at("keys"));
  cache.classes = read_npy<std::int64_t>(job.at("key_classes"));
  cache.embed_dim = static_cast<std::int64_t>(cache.keys.size() / cache.classes.size());
  for (std::int64_t k = 0; k < static_cast<std::int64_t>(words.size()) / cache.embed_dim; ++k) {
    cache.labels.push_back("class " + std::to_string(k));
  }
  glint::adapt::Features pictures;
  pictures.labels = cache.labels;
  pictures.embed_dim = cache.embed_dim;
  pictures.values = read_npy<float>(job.at("features"));
  pictures.classes = read_npy<std::int64_t>(job.at("classes"));
  pictures.logits.resize(pictures.classes.size() * cache.labels.size());
  const int threads = job.at("threads");
  work.call = [cache, pictures, words, threads, out = work.result]() mutable {
    glint::dot_matrix(pictures.values, words, cache.embed_dim, pictures.logits);
    for (float& value : pictures.logits) value *= 100;
    const auto best = glint::adapt::search(cache, pictures, {.threads = threads});
    out->floats = {static_cast<float>(best.alpha), static_cast<float>(best.beta),
                   static_cast<float>(best.accuracy)};
  };
  return work;
}

Work prepare(const Json& job) {
  const std::string name = job.at("work");
  if (name == "encode-image") return encode_image(job);
  if (name == "encode-text") return encode_text(job);
  if (name == "encode-texts") return encode_texts(job);
  if (name == "bank") return load_bank(job);
  if (name == "classify") return classify(job);
  if (name == "encode-map") return encode_map(job);
  if (name == "segment") return segment(job, false);
  if (name == "segment-map") return segment(job, true);
  if (name == "segment-official") return segment_official(job);
  if (name == "preprocess") return preprocess(job);
  if (name == "preprocess-jpeg") return preprocess_jpeg(job);
  if (name == "tokenize") return tokenize(job);
  if (name == "search") return search(job);
  if (name == "tune") return tune(job);
  throw std::runtime_error("unknown work " + name);
}

Json run(const Work& work, int warm, int calls) {
  for (int i = 0; i < warm; ++i) work.call();
  std::vector<std::int64_t> times;
  for (int i = 0; i < calls; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work.call();
    const auto spent = std::chrono::steady_clock::now() - start;
    times.push_back(std::chrono::duration_cast<std::chrono::nanoseconds>(spent).count());
  }
  return {{"ns", times}};
}

void save(const Result& result, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  const auto write = [&](const auto& values) {
    file.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(values.size() * sizeof(values.front())));
  };
  write(result.floats);
  write(result.ints);
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

Json answer(const Json& question, Work& work) try {
  const std::string what = question.at("do");
  if (what == "prepare") {
    work = {};  // frees the former work's memory first
    work = prepare(question.at("job"));
    work.call();
  } else if (what == "run") {
    return run(work, question.at("warm"), question.at("calls"));
  } else {
    save(*work.result, question.at("path"));
  }
  return Json::object();
} catch (const std::exception& error) {
  return {{"error", error.what()}};
}

}  // namespace

int main() {
  Work work;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << answer(Json::parse(line), work) << std::endl;
  }
}
