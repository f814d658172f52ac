#include "package/ports.h"

#include <algorithm>

namespace glint {

std::string to_string(const PortSize& size) {
  if (size.symbol.empty()) return std::to_string(size.size);
  return size.most > 0 ? size.symbol + "<=" + std::to_string(size.most) : size.symbol;
}

std::string to_string(const Port& port) {
  std::string shape;
  for (const PortSize& size : port.shape) {
    shape += shape.empty() ? "" : ", ";
    shape += to_string(size);
  }
  return port.name + " " + std::string(to_string(port.dtype)) + " [" + shape + "]";
}

const std::string& main_preprocess(const Manifest& manifest) {
  if (manifest.tasks.empty()) return manifest.preprocess.begin()->first;
  const auto classify = manifest.tasks.find("classify");
  const auto task = classify == manifest.tasks.end() ? manifest.tasks.begin() : classify;
  return task->second.preprocess;
}

bool has_output(const TowerSpec& tower, std::string_view method, std::string_view output) {
  const auto found = tower.methods.find(method);
  if (found == tower.methods.end()) return false;
  const auto& outputs = found->second.outputs;
  return std::ranges::find(outputs, output, &Port::name) != outputs.end();
}

}  // namespace glint
