// Windows of pictures through a GroupViT image tower, several a call.
#pragma once

#include <glint/head.h>

#include <cstdint>
#include <span>
#include <vector>

#include "heads/groupvit_windows.h"

namespace glint {

class GroupVitEncoder {
 public:
  // `total`: windows that will be added, for progress. All references outlive this.
  GroupVitEncoder(const Towers& towers, const PredictOptions& options, std::int64_t patch,
                  std::int64_t total)
      : towers_(towers), options_(options), patch_(patch), total_(total) {}

  // All windows of a frame [3, windows.frame] become the next state's. It is copied.
  void add(std::span<const float> frame, const GroupVitWindows& windows);
  // The states of what was added, in order; the layout is heads/groupvit.h's. Sizes of pictures are
  // the caller's to fill in. Throws Error: kCancelled, kCorruptPackage (a tower whose outputs do
  // not fit each other), and what the towers throw.
  std::vector<ImageState> finish();

 private:
  struct Picture {
    GroupVitWindows windows;
    std::vector<float> maps, tokens, means;  // of the windows that are through, one after another
    std::int64_t groups = 0;
  };
  void flush();
  void take(const NamedTensors& outputs, std::size_t row, Picture& picture) const;
  ImageState state_of(Picture picture) const;

  const Towers& towers_;
  const PredictOptions& options_;
  std::int64_t patch_;
  std::int64_t total_;
  std::int64_t done_ = 0;
  std::vector<Picture> pictures_;
  PlaneSize size_{};                 // of the windows that wait
  std::vector<float> pixels_;        // of theirs
  std::vector<std::size_t> owners_;  // whose they are: indices of pictures_
};

}  // namespace glint
