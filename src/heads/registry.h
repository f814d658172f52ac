// Which heads there are.
#pragma once

#include <glint/head.h>

#include <string>

namespace glint {

// By HeadSpec::type.
const HeadFactories& built_in_heads();

// The heads of a task, each around the one before it; the last one is returned. `own`: the user's.
// Throws Error: kUnsupported (an unknown type), kInvalidArgument (a type of ours in `own`, or a
// factory that gave none), and what the factories throw. Messages name the task and the head.
std::shared_ptr<const Head> make_heads(const Package& package, const std::string& task,
                                       const HeadFactories& own);

}  // namespace glint
