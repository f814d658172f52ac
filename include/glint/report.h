// What a loaded model is made of and how it computes: for logs, and for finding out why a model is
// slower than expected.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace glint {

// One method of a tower. Nodes are those of its TorchScript graph.
struct MethodReport {
  std::string name;
  std::int64_t nodes_loaded = 0;    // as the package has it, calls inlined
  std::int64_t nodes_executed = 0;  // after the passes
  // The same by kind, as in "aten::linear".
  std::map<std::string, std::int64_t> kinds_loaded{}, kinds_executed{};
};

struct TowerReport {
  std::string name;
  std::string storage;  // dtype of the weights in the package
  std::string compute;  // dtype of the arithmetic
  std::int64_t weights = 0;
  double load_ms = 0;
  std::vector<std::string> passes{};     // over its graphs, in order
  std::vector<std::string> fallbacks{};  // what a pass gave up, and why
  std::vector<MethodReport> methods{};
};

struct ModelReport {
  std::string package;
  std::string device;
  int threads = 0;        // of one call; 0: as many as the host program has set
  std::string precision;  // that the towers compute in, whatever was asked for
  std::vector<TowerReport> towers{};
};

}  // namespace glint
