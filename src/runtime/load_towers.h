// The one door into the runtime: a package's towers, loaded through LibTorch.
#pragma once

#include <glint/device.h>
#include <glint/package.h>
#include <glint/precision.h>
#include <glint/progress.h>
#include <glint/report.h>
#include <glint/tokenizer.h>
#include <glint/towers.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

namespace glint {

struct TowersOptions {
  Device device;
  std::int64_t max_batch = 32;  // at least 1
  int threads = 0;              // of one call; 0: as the host has set
  Precision precision = Precision::kExact;
  LogFn log{};
  std::stop_token stop{};  // checked between towers
};

struct LoadedTowers {
  std::shared_ptr<const Towers> towers;
  std::optional<Tokenizer> tokenizer;       // none without a text tower
  std::vector<TowerReport> reports;         // in the order of their names
  Precision precision = Precision::kExact;  // that they compute in
};

// Throws Error: kDevice (no such device here), kCorruptPackage (a tower or the merges are not what
// the manifest declares), kOutOfMemory, kCancelled.
LoadedTowers load_towers(const Package& package, const TowersOptions& options);

}  // namespace glint
