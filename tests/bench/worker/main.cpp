// The side of glint in peers.py: does one work at a time and says how long each call took.
// Questions come on stdin and answers go to stdout, one JSON object a line; harness/worker.py is
// the same for the Python engines.
//
//   {"do": "prepare", "job": {"work": "encode-image", ...}}   -> {}
//   {"do": "run", "warm": 1, "calls": 5}                      -> {"ns": [...]}
//   {"do": "save", "path": "result.bin"}                      -> {}, the last result's numbers
//
// Whatever fails is answered with {"error": "..."}.
#include <chrono>
#include <fstream>
#include <iostream>

#include "works.h"

namespace worker {
namespace {

Work prepare(const Json& job) {
  const std::string name = job.at("work");
  if (name == "encode-image") return encode_image(job);
  if (name == "encode-text") return encode_text(job);
  if (name == "encode-texts") return encode_texts(job);
  if (name == "load") return load_package(job);
  if (name == "bank") return load_bank(job);
  if (name == "classify") return classify(job);
  if (name == "photo") return photo(job);
  if (name == "encode-prompted") return encode_prompted(job);
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
}  // namespace worker

int main() {
  worker::Work work;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << worker::answer(worker::Json::parse(line), work) << std::endl;
  }
}
