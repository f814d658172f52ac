#include "work.h"

#include <fstream>
#include <iterator>
#include <sstream>

namespace worker {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> read_lines(const std::string& path) {
  std::vector<std::string> texts;
  std::istringstream lines(read_file(path));
  for (std::string line; std::getline(lines, line);) texts.push_back(line);
  return texts;
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

}  // namespace worker
