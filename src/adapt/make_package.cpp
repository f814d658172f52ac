// Caches as packages.
#include <glint/adapt.h>
#include <glint/version.h>

#include <algorithm>

#include "adapt/key_source.h"
#include "adapt/votes.h"
#include "core/check.h"
#include "heads/registry.h"
#include "package/edit_package.h"
#include "package/find_base.h"
#include "package/labels.h"
#include "package/paths.h"
#include "package/safetensors.h"
#include "package/write_folder.h"

namespace glint::adapt {
namespace {

std::vector<std::byte> cache_file(const Cache& cache) {
  const auto count = static_cast<std::int64_t>(cache.classes.size());
  const StoredTensors tensors = {{"classes",
                                  {.dtype = DType::kI64,
                                   .shape = {count},
                                   .count = count,
                                   .bytes = std::as_bytes(std::span(cache.classes))}},
                                 {"keys",
                                  {.dtype = DType::kF32,
                                   .shape = {count, cache.embed_dim},
                                   .count = count * cache.embed_dim,
                                   .bytes = std::as_bytes(std::span(cache.keys))}}};
  return make_safetensors(tensors, {});
}

// Whether a head of the task has a context of its own for each class. What other heads have learned
// serves any class, and the package's list is only the one to begin with. For a package whose heads
// could be made, so that none lacks its tensors.
bool has_classes_of_its_own(const Package& package) {
  return std::ranges::any_of(package.manifest().tasks.at(kTask).heads, [&](const HeadSpec& head) {
    if (head.type != "coop") return false;
    const NamedTensors tensors = package.tensors(head.tensors);
    const auto context = tensors.find("context");
    if (context == tensors.end()) {
      fail(ErrorCode::kCorruptPackage, "expected a tensor \"context\" in ", quote(head.tensors));
    }
    return context->second.shape().size() == 3;
  });
}

// Of a package that extends the base of `package`.
void check_name(const Package& package, const std::string& name) {
  if (!is_package_name(name)) {
    fail(ErrorCode::kInvalidArgument,
         "expected a package name [a-z0-9][a-z0-9._-]* of at most 64 bytes, got ", quote(name));
  }
  if (name == package.base().value_or(package).manifest().name) {
    fail(ErrorCode::kInvalidArgument, "expected another name than the base's, got ", quote(name));
  }
}

PackageEdit edit_for(const Package& package, const Cache& cache, const std::string& name) {
  check_cache(cache);
  check_name(package, name);
  if (cache.embed_dim != package.manifest().embed_dim) {
    fail(ErrorCode::kInvalidArgument, "expected keys of ", package.manifest().embed_dim,
         " numbers for package ", quote(package.manifest().name), ", got ", cache.embed_dim);
  }
  if (has_classes_of_its_own(package) && package.manifest().classes != cache.labels) {
    fail(ErrorCode::kInvalidArgument, "expected the ", package.manifest().classes.size(),
         " classes that the heads of ", quote(package.manifest().name), " have learned, in their ",
         "order, got ", cache.labels.size(), " others");
  }
  return {.name = name,
          .task = kTask,
          .replaces_last = false,
          .head = kHeadType,
          .parameters = {{"alpha", cache.alpha}, {"beta", cache.beta}},
          .tensors = cache_file(cache),
          .classes = cache.labels,
          .templates = {},
          .logit = {kLogitScale, 0.0},
          .provenance = {{"cache", cat(cache.classes.size(), " keys of ", cache.labels.size(),
                                       " classes, glint ", version())}},
          .calls = {},
          .versions = {{"glint", version()}}};
}

// What the base answers to a short text, or, without a text tower, to a grey picture.
PackageEdit::Call recorded_call(const Model& model) {
  const Towers& towers = model.towers();
  PackageEdit::Call call;
  if (model.manifest().tokenizer) {
    const TokenizerSpec& spec = *model.manifest().tokenizer;
    const std::vector<std::int64_t> ids{spec.start_id, spec.end_id};
    call = {"text", "forward", {{"ids", Tensor::from({1, 2}, ids)}}, {}};
  } else {
    const PreprocessSpec spec = model.preprocessor(kTask).spec();
    const std::vector<float> grey(static_cast<std::size_t>(3 * spec.height * spec.width), 0.5F);
    call = {
        "image", "forward", {{"pixels", Tensor::from({1, 3, spec.height, spec.width}, grey)}}, {}};
  }
  for (auto& [port, value] : towers.call(call.tower, call.method, call.inputs)) {
    call.outputs.emplace(port, value.cpu());
  }
  return call;
}

// The edited package, as a reader gets it, its heads tried.
Package made(const Package& package, const PackageEdit& edit, const HeadFactories& heads) {
  const OpenOptions options{.bases = {package.base().value_or(package)}};
  const Package result = Package::from_memory(edit_package(package, edit), edit.name, options);
  make_heads(result, kTask, heads);
  return result;
}

// The folder `path`, if there is one, may not be the only copy of what `package` extends.
void check_not_the_base(const Package& package, const std::string& path) {
  if (package.base() && digest_or_reason(path) == package.base()->digest()) {
    fail(ErrorCode::kInvalidArgument, "expected another place than that of the base ",
         quote(package.base()->manifest().name), ", which the package needs, got ", quote(path));
  }
}

}  // namespace

void check_new_package(const Model& model, const NewPackage& made) {
  const Package& package = model.package();
  if (!package.manifest().tasks.contains(kTask)) {
    fail(ErrorCode::kUnsupported, "expected a package with a task ", quote(kTask), ", got ",
         quote(package.manifest().name));
  }
  if (ends_in_cache(package)) {
    fail(ErrorCode::kUnsupported, "expected a package without a cache, got ",
         quote(package.manifest().name), ", which has one; add to it or remove from it");
  }
  check_name(package, made.name);
  for (const std::string& text : made.templates) fill_template(text, "");
}

Package with_cache(const Model& model, const Cache& cache, const NewPackage& made_as) {
  return within_memory("making a package", [&] {
    const Package& package = model.package();
    check_new_package(model, made_as);
    check_key_source(cache.source, key_source_of(package), "a cache");
    PackageEdit edit = edit_for(package, cache, made_as.name);
    edit.templates = made_as.templates;
    if (!package.base()) edit.calls.push_back(recorded_call(model));
    return made(package, edit, model.heads());
  });
}

Package replace_cache(const Package& package, const Cache& cache, std::string name,
                      const HeadFactories& heads) {
  return within_memory("making a package", [&] {
    read_cache(package);
    make_heads(package, kTask, heads);
    check_key_source(cache.source, key_source_of(package), "a cache");
    PackageEdit edit = edit_for(package, cache, name);
    edit.replaces_last = true;
    edit.logit = package.manifest().logit;
    return made(package, edit, heads);
  });
}

void write_package(const Package& package, const std::string& path, bool replace) {
  within_memory("writing a package", [&] {
    check_package_target(path, replace);
    check_not_the_base(package, path);
    write_package_folder(own_files(package), path, replace);
  });
}

void check_output(const std::string& path, bool replace) {
  within_memory("checking an output", [&] { check_package_target(path, replace); });
}

}  // namespace glint::adapt
