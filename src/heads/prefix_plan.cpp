#include "heads/prefix_plan.h"

#include <algorithm>
#include <cstdint>

namespace glint {
namespace {

// The call that computes a prefix, and about three more for what follows it: texts of the group no
// longer share the calls of others as long as they are.
constexpr std::int64_t kRowsOfAPrefix = 4 * kRowsOfACall;

// Texts [begin, end) begin with the same `depth` ids and go on with different ones.
struct Node {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t depth = 0;
  std::size_t opens_below = 0;  // it is opened where fewer ids are shared above it
  std::vector<Node> children;   // of at least two texts; the others hang on the node itself
};

class Tree {
 public:
  explicit Tree(std::span<const Ids> texts) : texts_(texts) {}

  std::vector<PrefixGroup> cheapest() {
    if (texts_.empty()) return {};
    Node root = grow(0, texts_.size());
    costs(root);
    groups_.assign(1, {});
    collect(root, 0, 0);
    std::erase_if(groups_, [](const PrefixGroup& group) { return group.texts.empty(); });
    return std::move(groups_);
  }

 private:
  Node grow(std::size_t begin, std::size_t end) const {
    const Ids &first = texts_[begin], &last = texts_[end - 1];
    const auto depth =
        static_cast<std::size_t>(std::ranges::mismatch(first, last).in1 - first.begin());
    Node node{.begin = begin, .end = end, .depth = depth, .children = {}};
    if (end - begin < 2) return node;
    for (std::size_t i = begin; i < end;) {
      const std::size_t start = i;
      while (i < end && texts_[i][depth] == texts_[start][depth]) ++i;
      if (i - start > 1) node.children.push_back(grow(start, i));
    }
    return node;
  }

  // Calls `use` with each text that is in no child.
  template <typename Use>
  static void for_own_texts(const Node& node, const Use& use) {
    std::size_t i = node.begin;
    for (const Node& child : node.children) {
      for (; i < child.begin; ++i) use(i);
      i = child.end;
    }
    for (; i < node.end; ++i) use(i);
  }

  // Rows of everything below, for each number of ids up to depth that is shared above.
  std::vector<std::int64_t> costs(Node& node) const {
    std::int64_t own = 0, count = 0;
    for_own_texts(node, [&](std::size_t i) {
      own += static_cast<std::int64_t>(texts_[i].size());
      ++count;
    });
    std::vector<std::int64_t> all(node.depth + 1);
    for (std::size_t shared = 0; shared <= node.depth; ++shared) {
      all[shared] = own - count * static_cast<std::int64_t>(shared);
    }
    for (Node& child : node.children) {
      const auto below = costs(child);
      for (std::size_t shared = 0; shared <= node.depth; ++shared) all[shared] += below[shared];
    }
    // The more is shared above, the less is gained, so a bound says where the node is opened.
    const std::int64_t opened =
        all[node.depth] + static_cast<std::int64_t>(node.depth) + kRowsOfAPrefix;
    while (node.opens_below < node.depth && opened < all[node.opens_below]) {
      all[node.opens_below++] = opened;
    }
    return all;
  }

  void collect(const Node& node, std::size_t shared, std::size_t group) {
    if (shared < node.opens_below) {
      group = groups_.size();
      shared = node.depth;
      groups_.push_back({.prefix = shared, .texts = {}});
    }
    for_own_texts(node, [&](std::size_t i) { groups_[group].texts.push_back(i); });
    for (const Node& child : node.children) collect(child, shared, group);
  }

  std::span<const Ids> texts_;
  std::vector<PrefixGroup> groups_;  // the first is of whole texts
};

}  // namespace

std::vector<PrefixGroup> plan_prefixes(std::span<const Ids> texts) {
  return Tree(texts).cheapest();
}

}  // namespace glint
