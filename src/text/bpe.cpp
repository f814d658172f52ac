#include "text/bpe.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <string>

namespace glint {
namespace {

constexpr std::int32_t kNone = -1;
constexpr std::uint32_t kEdge = 0xFFFFFFFF;  // no neighbour on this side

// A heap entry orders by the merged symbol, whose id rises with the line, then by the place.
std::uint64_t entry(std::int32_t merged, std::uint32_t at) {
  return (static_cast<std::uint64_t>(merged) << 32) | at;
}

}  // namespace

BytePairs::BytePairs(std::span<const Merge> merges) : bytes_(byte_symbols()) {
  const std::size_t symbols = static_cast<std::size_t>(kFirstMerge) + merges.size();
  first_.assign(symbols + 1, 0);
  for (const Merge& merge : merges) ++first_[static_cast<std::size_t>(merge.left) + 1];
  std::partial_sum(first_.begin(), first_.end(), first_.begin());
  rules_.resize(merges.size());
  std::vector<std::uint32_t> end(first_.begin(), first_.end() - 1);
  std::int32_t merged = kFirstMerge;
  for (const Merge& merge : merges) {
    rules_[end[static_cast<std::size_t>(merge.left)]++] = {merge.right, merged++};
  }
  for (std::size_t left = 0; left < symbols; ++left) {
    std::sort(rules_.begin() + first_[left], rules_.begin() + first_[left + 1],
              [](const Rule& a, const Rule& b) { return a.right < b.right; });
  }
  whole_ = find_whole_words(merges);
}

// A vocabulary may have a symbol that merges never make, its letters having been merged otherwise
// before: only those count that merging gives.
WholeWords BytePairs::find_whole_words(std::span<const Merge> merges) const {
  std::vector<std::string> spellings(2 * kByteSymbols);  // empty: too long
  for (int byte = 0; byte < kByteSymbols; ++byte) {
    const auto symbol = static_cast<std::size_t>(bytes_[static_cast<std::size_t>(byte)]);
    spellings[symbol] = spellings[symbol + kByteSymbols] = std::string(1, static_cast<char>(byte));
  }
  WholeWords found(merges.size() + kByteSymbols);
  spellings.reserve(spellings.size() + merges.size());
  Workspace work;
  std::vector<std::int64_t> ids;
  const auto add = [&](std::int32_t symbol, const std::string& word) {
    ids.clear();
    append_merged(word, work, ids);
    if (ids.size() == 1 && ids.front() == symbol) found.add(word, symbol);
  };
  for (std::int32_t end = kByteSymbols; end < kFirstMerge; ++end) {
    add(end, spellings[static_cast<std::size_t>(end)]);
  }
  std::vector<bool> ends(2 * kByteSymbols);  // a word, as its last part does
  std::fill(ends.begin() + kByteSymbols, ends.end(), true);
  for (const auto [left, right] : merges) {
    const std::string& start = spellings[static_cast<std::size_t>(left)];
    const std::string& rest = spellings[static_cast<std::size_t>(right)];
    const auto symbol = static_cast<std::int32_t>(spellings.size());
    const bool fits =
        !start.empty() && !rest.empty() && start.size() + rest.size() <= WholeWords::kMaxBytes;
    spellings.push_back(fits ? start + rest : std::string());
    ends.push_back(ends[static_cast<std::size_t>(right)]);
    if (fits && ends.back()) add(symbol, spellings.back());
  }
  return found;
}

std::int32_t BytePairs::find(std::int32_t left, std::int32_t right) const {
  const auto begin = rules_.begin() + first_[static_cast<std::size_t>(left)];
  const auto end = rules_.begin() + first_[static_cast<std::size_t>(left) + 1];
  const auto rule = std::lower_bound(
      begin, end, right, [](const Rule& row, std::int32_t key) { return row.right < key; });
  return rule != end && rule->right == right ? rule->merged : kNone;
}

// Looks up the pair that starts at `at` and queues it.
void BytePairs::update(Workspace& work, std::uint32_t at) const {
  auto& symbol = work.symbols[at];
  symbol.merged = symbol.next == kEdge ? kNone : find(symbol.id, work.symbols[symbol.next].id);
  if (symbol.merged == kNone) return;
  work.heap.push_back(entry(symbol.merged, at));
}

void BytePairs::load(std::string_view word, Workspace& work) const {
  const auto count = static_cast<std::uint32_t>(word.size());
  work.symbols.resize(count);
  work.heap.clear();
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::int32_t id = bytes_[static_cast<unsigned char>(word[i])];
    const bool last = i + 1 == count;
    work.symbols[i] = {last ? id + kByteSymbols : id, kNone, i == 0 ? kEdge : i - 1,
                       last ? kEdge : i + 1};
  }
  for (std::uint32_t i = 0; i < count; ++i) update(work, i);
  std::make_heap(work.heap.begin(), work.heap.end(), std::greater<>());
}

// The symbol at `at` takes in its right neighbour; the pairs on both sides of it are new ones.
void BytePairs::merge(Workspace& work, std::uint32_t at) const {
  auto& symbol = work.symbols[at];
  auto& taken = work.symbols[symbol.next];
  symbol.id = symbol.merged;
  symbol.next = taken.next;
  taken.merged = kNone;
  if (symbol.next != kEdge) work.symbols[symbol.next].previous = at;
  for (const std::uint32_t changed : {symbol.previous, at}) {
    if (changed == kEdge) continue;
    const std::size_t queued = work.heap.size();
    update(work, changed);
    if (work.heap.size() > queued) {
      std::push_heap(work.heap.begin(), work.heap.end(), std::greater<>());
    }
  }
}

void BytePairs::append(std::string_view word, Workspace& work,
                       std::vector<std::int64_t>& ids) const {
  const std::int32_t symbol = whole_.find(word);
  if (symbol == WholeWords::kNone) return append_merged(word, work, ids);
  ids.push_back(symbol);
}

void BytePairs::append_merged(std::string_view word, Workspace& work,
                              std::vector<std::int64_t>& ids) const {
  load(word, work);
  while (!work.heap.empty()) {
    std::pop_heap(work.heap.begin(), work.heap.end(), std::greater<>());
    const std::uint64_t lowest = work.heap.back();
    work.heap.pop_back();
    const auto at = static_cast<std::uint32_t>(lowest);
    // An entry is out of date when a merge has changed its pair meanwhile.
    const std::int32_t merged = work.symbols[at].merged;
    if (merged != kNone && entry(merged, at) == lowest) merge(work, at);
  }
  for (std::uint32_t at = 0; at != kEdge; at = work.symbols[at].next) {
    ids.push_back(work.symbols[at].id);
  }
}

}  // namespace glint
