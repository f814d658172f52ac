#include <glint/head.h>

#include <algorithm>
#include <numeric>

#include "core/check.h"
#include "heads/prefix_plan.h"
#include "heads/text_batches.h"
#include "heads/text_prefix.h"

namespace glint {
namespace {

// What is encoded, in ascending order of ids, and where each of it stands among the caller's texts.
struct DistinctTexts {
  std::vector<Ids> ids;
  TextPlaces places;
};

DistinctTexts distinct(std::vector<Ids> all) {
  DistinctTexts texts;
  auto& [order, starts] = texts.places;
  order.resize(all.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) -> const Ids& { return all[i]; });
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (!texts.ids.empty() && texts.ids.back() == all[order[i]]) continue;
    starts.push_back(i);
    texts.ids.push_back(std::move(all[order[i]]));
  }
  starts.push_back(order.size());
  return texts;
}

// Nothing behind its first end token reaches a text's embedding in a tower that has prefixes.
// false, and the rest as it is, for a text without end token, which is the tower's to refuse.
bool cut_at_end(std::vector<Ids>& all, std::int64_t end_id) {
  for (Ids& ids : all) {
    const auto end = std::ranges::find(ids, end_id);
    if (end == ids.end()) return false;
    ids.erase(end + 1, ids.end());
  }
  return true;
}

// Encodes the groups of a plan, one after the other, into the rows of all texts.
class TextEncoding {
 public:
  TextEncoding(std::span<const Ids> ids, const Towers& towers, const std::stop_token& stop,
               TextRows& rows)
      : ids_(ids), towers_(towers), stop_(stop), rows_(rows) {}

  void encode(const PrefixGroup& group) {
    if (group.prefix == 0) {
      return run(group, false, [&](std::span<const std::size_t> batch) {
        return towers_.text({.ids = stack_ids(batch, ids_)});
      });
    }
    check_stop(stop_);
    const Ids first(ids_[group.texts[0]].begin(),
                    ids_[group.texts[0]].begin() + static_cast<std::ptrdiff_t>(group.prefix));
    const Tensor shared = Tensor::from({1, static_cast<std::int64_t>(group.prefix)}, first);
    const TextPrefix prefix = encode_prefixes(towers_.embed(shared), towers_).front();
    run(group, true, [&](std::span<const std::size_t> batch) {
      return encode_behind(prefix, batch, ids_, group.prefix, towers_);
    });
  }

 private:
  void run(const PrefixGroup& group, bool pad,
           const std::function<Tensor(std::span<const std::size_t>)>& of_batch) {
    const BatchRule rule{.rows = rows_a_call(towers_), .pad = pad};
    for_each_text_batch(group.texts, ids_, rule, stop_, [&](std::span<const std::size_t> batch) {
      rows_.put(batch, of_batch(batch));
    });
  }

  std::span<const Ids> ids_;
  const Towers& towers_;
  const std::stop_token& stop_;
  TextRows& rows_;
};

}  // namespace

Tensor encode_texts(std::span<const std::string> texts, const Towers& towers,
                    const std::stop_token& stop, const ProgressFn& progress) {
  std::vector<Ids> all;
  all.reserve(texts.size());
  for (const std::string& text : texts) all.push_back(towers.tokenize(text));
  const Manifest& manifest = towers.manifest();
  const bool shares = manifest.tokenizer && has_text_prefixes(manifest) &&
                      cut_at_end(all, manifest.tokenizer->end_id);
  const DistinctTexts found = distinct(std::move(all));
  std::vector<PrefixGroup> groups;
  if (shares) {
    groups = plan_prefixes(found.ids);
  } else if (!found.ids.empty()) {
    groups.resize(1);
    groups[0].texts.resize(found.ids.size());
    std::iota(groups[0].texts.begin(), groups[0].texts.end(), std::size_t{0});
  }
  TextRows rows(found.places, manifest.embed_dim, progress);
  TextEncoding encoding(found.ids, towers, stop, rows);
  for (const PrefixGroup& group : groups) encoding.encode(group);
  return rows.tensor();
}

}  // namespace glint
