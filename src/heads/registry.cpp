#include "heads/registry.h"

#include "core/check.h"
#include "heads/clip_adapter.h"
#include "heads/cocoop.h"
#include "heads/coop.h"
#include "heads/groupvit.h"
#include "heads/lseg.h"
#include "heads/maple.h"
#include "heads/tip_adapter.h"
#include "heads/zero_shot.h"

namespace glint {
namespace {

const HeadFactory& factory_of(const std::string& type, const HeadFactories& own) {
  const auto built_in = built_in_heads().find(type);
  if (built_in != built_in_heads().end()) return built_in->second;
  const auto found = own.find(type);
  if (found != own.end()) return found->second;
  std::string known;
  for (const auto* const heads : {&built_in_heads(), &own}) {
    for (const auto& [name, factory] : *heads) known += (known.empty() ? "" : ", ") + quote(name);
  }
  fail(ErrorCode::kUnsupported, "expected a head of a type known here (", known, "), got ",
       quote(type));
}

}  // namespace

const HeadFactories& built_in_heads() {
  static const HeadFactories heads = {
      {"clip_adapter", make_clip_adapter},
      {"cocoop", make_cocoop},
      {"coop", make_coop},
      {"groupvit", make_groupvit},
      {"lseg", make_lseg},
      {"maple", make_maple},
      {"tip_adapter", make_tip_adapter},
      {"zero_shot", make_zero_shot},
  };
  return heads;
}

std::shared_ptr<const Head> make_heads(const Package& package, const std::string& task,
                                       const HeadFactories& own) {
  for (const auto& [type, factory] : own) {
    if (built_in_heads().contains(type)) {
      fail(ErrorCode::kInvalidArgument, "heads: expected types that glint does not have, got ",
           quote(type));
    }
    if (!factory) fail(ErrorCode::kInvalidArgument, "heads: expected a factory of ", quote(type));
  }
  const TaskSpec& spec = package.manifest().tasks.find(task)->second;
  std::shared_ptr<const Head> head;
  for (std::size_t i = 0; i < spec.heads.size(); ++i) {
    const std::string where = cat("tasks.", task, ".heads[", i, "]");
    try {
      head = factory_of(spec.heads[i].type, own)({package, spec, spec.heads[i], head});
    } catch (const Error& error) {
      fail(error.code(), where, ": ", error.what());
    }
    if (!head) fail(ErrorCode::kInvalidArgument, where, ": expected a head, the factory gave none");
  }
  return head;
}

}  // namespace glint
