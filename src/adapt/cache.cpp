// Making a cache, and taking it apart again.
#include <glint/adapt.h>
#include <glint/similarity.h>

#include <algorithm>

#include "adapt/key_source.h"
#include "adapt/votes.h"
#include "core/check.h"
#include "core/folder.h"
#include "heads/tip_adapter.h"

namespace glint::adapt {
namespace {

// [N, V, D] -> [N, D]
std::vector<float> view_means(const Features& shots) {
  const auto dim = static_cast<std::size_t>(shots.embed_dim);
  const auto views = static_cast<std::size_t>(shots.views);
  std::vector<float> means(shots.classes.size() * dim);
  for (std::size_t i = 0; i < shots.classes.size(); ++i) {
    for (std::size_t d = 0; d < dim; ++d) {
      double sum = 0;
      for (std::size_t v = 0; v < views; ++v) sum += shots.values[(i * views + v) * dim + d];
      means[i * dim + d] = static_cast<float>(sum / static_cast<double>(views));
    }
  }
  return means;
}

void check_classes(const std::vector<std::string>& labels) {
  check_labels(labels);
  if (labels.size() < 2) {
    fail(ErrorCode::kInvalidArgument, "expected two classes or more, got only ",
         quote(labels.front()));
  }
}

void check_features(const Features& shots) {
  check_labels(shots.labels);
  const std::int64_t numbers = shots.count() * shots.views * shots.embed_dim;
  if (shots.classes.empty() || numbers < 1 ||
      shots.values.size() != static_cast<std::size_t>(numbers)) {
    fail(ErrorCode::kInvalidArgument, "expected features [N, V, D] of labelled images, got ",
         shots.values.size(), " numbers for ", shots.count(), " images");
  }
}

// The class of this name; how spaces are written matters only between two classes of the cache.
// labels.size() when there is none.
std::size_t position_of(const std::vector<std::string>& labels, const std::string& label) {
  const auto begin = labels.begin(), end = labels.end();
  auto found = std::find(begin, end, label);
  if (found == end) {
    found = std::find_if(begin, end,
                         [&](const std::string& own) { return spaced(own) == spaced(label); });
  }
  return static_cast<std::size_t>(found - begin);
}

// Per picture the mean of its views with unit length: [N, D].
std::vector<float> make_keys(const Features& shots) {
  check_features(shots);
  std::vector<float> keys = view_means(shots);
  normalize_rows(keys, shots.embed_dim);
  const auto dim = static_cast<std::ptrdiff_t>(shots.embed_dim);
  for (auto key = keys.begin(); key != keys.end(); key += dim) {
    if (std::all_of(key, key + dim, [](float value) { return value == 0; })) {
      fail(ErrorCode::kInvalidArgument, "expected an embedding that is not zero, got one of image ",
           (key - keys.begin()) / dim);
    }
  }
  return keys;
}

}  // namespace

Cache build_cache(const Features& shots) {
  return within_memory("building a cache", [&] {
    check_classes(shots.labels);
    Cache cache;
    cache.labels = shots.labels;
    cache.embed_dim = shots.embed_dim;
    cache.keys = make_keys(shots);
    cache.classes = shots.classes;
    cache.source = shots.source;
    check_cache(cache);
    return cache;
  });
}

Cache add_class(const Cache& cache, const Features& shots) {
  return within_memory("adding a class", [&] {
    check_cache(cache);
    check_key_source(shots.source, cache.source, "a set of features");
    if (shots.labels.size() != 1 || shots.embed_dim != cache.embed_dim) {
      fail(ErrorCode::kInvalidArgument, "expected features of one class with ", cache.embed_dim,
           " numbers each, got ", shots.labels.size(), " classes and ", shots.embed_dim,
           " numbers");
    }
    Cache result = cache;
    const std::size_t known = position_of(cache.labels, shots.labels.front());
    const auto index = static_cast<std::int64_t>(known);
    if (std::ranges::find(cache.classes, index) != cache.classes.end()) {
      fail(ErrorCode::kInvalidArgument, "expected a class that the cache does not have, got ",
           quote(shots.labels.front()));
    }
    if (known == cache.labels.size()) result.labels.push_back(shots.labels.front());
    const std::vector<float> keys = make_keys(shots);
    result.keys.insert(result.keys.end(), keys.begin(), keys.end());
    result.classes.insert(result.classes.end(), shots.classes.size(), index);
    check_cache(result);
    return result;
  });
}

Cache remove_class(const Cache& cache, const std::string& label) {
  return within_memory("removing a class", [&] {
    check_cache(cache);
    const std::size_t known = position_of(cache.labels, label);
    if (known == cache.labels.size()) {
      fail(ErrorCode::kNotFound, "expected one of the ", cache.labels.size(),
           " classes of the cache, got ", quote(label));
    }
    const auto removed = static_cast<std::int64_t>(known);
    Cache result = cache;
    result.labels.erase(result.labels.begin() + removed);
    check_classes(result.labels);
    result.keys.clear();
    result.classes.clear();
    for (std::size_t i = 0; i < cache.classes.size(); ++i) {
      const std::int64_t index = cache.classes[i];
      if (index == removed) continue;
      const auto key = cache.keys.begin() + static_cast<std::ptrdiff_t>(i) * cache.embed_dim;
      result.keys.insert(result.keys.end(), key, key + cache.embed_dim);
      result.classes.push_back(index > removed ? index - 1 : index);
    }
    check_cache(result);
    return result;
  });
}

Cache read_cache(const Package& package) {
  return within_memory("reading a cache", [&] {
    const Manifest& manifest = package.manifest();
    const auto task = manifest.tasks.find(kTask);
    if (task == manifest.tasks.end() || !ends_in_cache(package)) {
      fail(ErrorCode::kUnsupported, "expected a package whose task ", quote(kTask),
           " ends in a head ", quote(kHeadType), ", got ", quote(manifest.name));
    }
    const TipAdapterParts parts =
        read_tip_adapter({package, task->second, task->second.heads.back(), nullptr});
    const auto keys = parts.keys.floats();
    const auto classes = parts.classes.ints();
    Cache cache;
    cache.labels = manifest.classes;
    cache.embed_dim = manifest.embed_dim;
    cache.keys.assign(keys.begin(), keys.end());
    cache.classes.assign(classes.begin(), classes.end());
    cache.alpha = parts.alpha;
    cache.beta = parts.beta;
    cache.source = key_source_of(package);
    check_cache(cache);
    return cache;
  });
}

}  // namespace glint::adapt
