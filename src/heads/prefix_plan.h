// Which texts a text tower encodes behind a common beginning. "itap of a" is the start of a
// thousand texts of a classifier: a causal tower computes it once, and of each text the rest.
//
// The texts' ids make a tree. A node of it may be opened as a prefix: its ids are computed once,
// which costs their rows and a few calls, and every text below costs its rows behind the nearest
// opened node only. What is cheapest is found exactly, from the leaves up: for each node and each
// length that may already be shared above it, the rows of all that lies below.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "heads/text_batches.h"

namespace glint {

struct PrefixGroup {
  std::size_t prefix = 0;          // ids that all its texts begin with; 0: whole texts
  std::vector<std::size_t> texts;  // positions, at least one
};

// texts: distinct, in ascending order, and none the beginning of another, as texts up to their end
// token are. Every text is in one group. O(sum of lengths).
std::vector<PrefixGroup> plan_prefixes(std::span<const Ids> texts);

}  // namespace glint
