#include <glint/head.h>

#include "core/check.h"
#include "heads/zero_shot.h"

namespace glint {

Head::~Head() = default;

std::unique_ptr<const Head> make_head(const TaskSpec& task) {
  if (task.heads.size() != 1) {
    fail(ErrorCode::kUnsupported, "expected a task with one head, got ", task.heads.size());
  }
  const HeadSpec& head = task.heads.front();
  if (head.type == "zero_shot") {
    return std::make_unique<const ZeroShotHead>(task.preprocess, head.templates);
  }
  fail(ErrorCode::kUnsupported, "expected a head of type zero_shot, got ", quote(head.type));
}

}  // namespace glint
