// Repeats the reference computation that a package carries, stage by stage.
#pragma once

#include <glint/export.h>
#include <glint/model.h>

#include <string>
#include <vector>

namespace glint {

// One comparison with the reference.
struct VerifyStage {
  std::string name;     // "pixels", "ids", "image_embedding", "text_embedding", "logits", or
                        // "TOWER.METHOD" for a recorded call
  std::string measure;  // what `difference` is: "max abs", "max abs / max", "ids that differ",
                        // or "1 - cosine" where the model does not compute exactly
  double difference = 0;
  double tolerance = 0;  // the stage passes when difference <= tolerance
  std::string where;     // of the largest difference: "picture 0 (reference/a.png)"; empty if none
  bool passed = false;
};

struct GLINT_API VerifyReport {
  std::vector<VerifyStage> stages;  // in the order of the data's way
  bool passed() const;
  // The first stage that differs, or nullptr. Later stages inherit its difference.
  const VerifyStage* first_failure() const;
};

// Each stage runs on the reference's own input of that stage, and so names its own fault: the
// towers get the reference's pixels and ids.
GLINT_API VerifyReport verify(const Model& model);

}  // namespace glint
