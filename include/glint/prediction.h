// What a model answers.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace glint {

struct ClassScore {
  std::string label;
  std::int64_t index = 0;  // of the label in the list that was prepared
  float probability = 0;   // in [0, 1]; over all labels, also when only the best are listed
  float logit = 0;         // logit scale * cosine + logit bias
};

// Scores of the best labels: descending, equal ones in the order of the labels.
struct Classification {
  std::vector<ClassScore> scores;
};

// The answer of one image; which kind it is depends on the package's task.
using Prediction = std::variant<Classification>;

}  // namespace glint
