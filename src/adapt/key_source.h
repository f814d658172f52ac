// What the keys of a cache depend on, and whether two models agree on it.
#pragma once

#include <glint/adapt.h>

#include <string_view>

namespace glint::adapt {

// Of the task kTask. What is learned for the words only is no part of it, nor a cache itself.
KeySource key_source_of(const Package& package);

// Throws Error(kInvalidArgument), which says what differs, when `what` of `source` does not belong
// to a model of `own`. What either does not know is not compared.
void check_key_source(const KeySource& source, const KeySource& own, std::string_view what);

}  // namespace glint::adapt
