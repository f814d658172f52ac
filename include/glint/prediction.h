// What a model answers.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace glint {

// A rectangle in the pixels of the original picture: x0 <= x < x1, y0 <= y < y1.
struct Box {
  float x0 = 0;
  float y0 = 0;
  float x1 = 0;
  float y1 = 0;
};

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

// How a head looks at a picture that it labels pixel by pixel.
enum class Protocol {
  kSingle,    // once, as a whole
  kOfficial,  // as the reference evaluates: in windows, at several scales where it does
};

// Which label each pixel of the original picture has.
struct Segmentation {
  static constexpr std::int32_t kNone = -1;
  std::int64_t width = 0;  // of the original picture, pixels
  std::int64_t height = 0;
  std::vector<std::string> labels;
  std::vector<std::int32_t> map;  // [height, width]: an index into labels, or kNone
  // [labels, height, width]: what the map is the arg-max of; empty unless PredictOptions::scores.
  std::vector<float> scores{};
};

struct DetectedObject {
  std::string label;
  std::int64_t index = 0;  // of the label in the list that was prepared
  float score = 0;         // in [0, 1]
  Box box;
};

// Objects by descending score.
struct Detection {
  std::vector<DetectedObject> objects;
};

// The answer of one image; which kind it is depends on the package's task.
using Prediction = std::variant<Classification, Segmentation, Detection>;

}  // namespace glint
