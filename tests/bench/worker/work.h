// What the works of glint_worker are made of.
#pragma once

#include <glint/glint.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace worker {

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

std::string read_file(const std::string& path);
std::vector<std::string> read_lines(const std::string& path);

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

// The job's package, with its threads and precision.
glint::Model load(const Json& job);

void keep(const glint::Tensor& tensor, Result& result);

}  // namespace worker
