// What the groups of a GroupViT window say of the labels.
// Xu et al. 2022 (arXiv:2202.11094); NVlabs/GroupViT segmentation/evaluation/group_vit_seg.py,
// GroupViTSegInference.encode_decode.
#pragma once

#include <glint/class_bank.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "heads/groupvit_windows.h"

namespace glint {

// The labels of a question, and the embeddings of those that have one.
struct GroupVitWords {
  std::int64_t labels = 0;
  std::int32_t background = -1;         // the label that the background rule answers, or -1
  std::vector<std::int32_t> positions;  // of the others among the labels, ascending
  std::vector<float> rows;              // [positions.size(), D], unit rows
};

// Error(kInvalidArgument): a question has no label but the background.
[[noreturn]] void fail_without_labels(std::string_view background);

// `background`: the label's name, or "" for none. Throws Error(kInvalidArgument) when a bank has no
// other label, or a row that is not finite.
GroupVitWords words_of(const ClassBank& bank, std::string_view background);

struct ClassValue {
  std::int32_t label = 0;
  float value = 0;
};

// One group's values of the labels; a label that is not here has 0.
using GroupClasses = std::vector<ClassValue>;

// tokens [G, D]: the groups' projected tokens; mean [D]: the window's projected embedding; neither
// is normalised. With A = scale * cosine(token, label), a group's value of a label is
//   softmax over all labels of A * softmax over the window's best labels of A,
// 0 for labels that are not among the top_classes best of `mean`. The background is 1 in a group
// whose largest value is below the smaller of background_threshold and the window's largest value,
// else 0.
// Throws Error(kInvalidArgument) when an embedding is not finite.
std::vector<GroupClasses> classes_of_groups(std::span<const float> tokens,
                                            std::span<const float> mean, const GroupVitWords& words,
                                            double scale, const GroupVitRule& rule);

}  // namespace glint
