// A package that extends another one.
//
// The base lends its towers, its tokenizer and its preprocesses, with the constants that belong to
// them and the files that they name. All that answers is the package's own: tasks, templates,
// tensors, classes, reference. So both may have a file of the same name, as long as it is none that
// the base lends, and nothing of the base comes into an answer without being named.
#include "core/check.h"
#include "package/json_reader.h"
#include "package/manifest_parts.h"
#include "package/paths.h"
#include "package/sha256.h"

namespace glint {
namespace {

BaseSpec read_base(const JsonReader& json, const std::string& own_name) {
  const JsonObject fields = json.object({"name", "digest"});
  BaseSpec base{fields["name"].string().value_or(""), fields["digest"].string().value_or(""), {}};
  if (fields["name"].present() && !is_package_name(base.name)) {
    fields["name"].expected("a name [a-z0-9][a-z0-9._-]* of at most 64 bytes");
  } else if (fields["name"].present() && base.name == own_name) {
    fields["name"].expected("another name than the package's own");
  }
  if (fields["digest"].present() && !is_sha256_hex(base.digest)) {
    fields["digest"].expected("64 lower-case hex digits");
  }
  return base;
}

void check_base(const JsonReader& json, const BaseSpec& spec, const Manifest& base) {
  if (base.name != spec.name) {
    json.problem(cat("expected the name of the package with that digest, ", quote(base.name),
                     ", got ", quote(spec.name)));
  }
  if (base.extends) {
    json.problem(cat("expected a base that extends nothing, got ", quote(base.name),
                     ", which extends ", quote(base.extends->name)));
  }
}

void inherit(const Manifest& base, Manifest& manifest) {
  manifest.family = base.family;
  manifest.embed_dim = base.embed_dim;
  manifest.activation = base.activation;
  manifest.preprocess = base.preprocess;
  manifest.tokenizer = base.tokenizer;
  manifest.merges_file = base.merges_file;
  manifest.towers = base.towers;
  manifest.logit = base.logit;
}

void read_more_preprocess(const JsonReader& json, Manifest& manifest) {
  PreprocessTable more = read_preprocess(json);
  check_pixels(json, manifest.towers.find("image")->second, more);
  for (auto& [name, spec] : more) {
    if (!manifest.preprocess.emplace(name, spec).second) {
      json.problem(cat("expected names that no preprocess of the base has, got ", quote(name)));
    }
  }
}

// The files of the base's towers and tokenizer join the package's own.
void borrow_files(const JsonReader& json, const Manifest& base, Manifest& manifest) {
  auto& lent = manifest.extends->files;
  for (const auto& [name, tower] : base.towers) lent.insert(tower.file);
  if (base.tokenizer) lent.insert(base.merges_file);
  for (const std::string& path : lent) {
    if (!manifest.files.emplace(path, base.files.find(path)->second).second) {
      json.problem(cat("expected no file that the base lends, got ", quote(path)));
    }
  }
}

}  // namespace

void read_extension(const JsonReader& root, const FindBase& find_base, ParsedManifest& parsed) {
  const JsonObject fields = root.object({"format_version", "name", "family", "extends", "tasks",
                                         "licence", "provenance", "reference", "files"},
                                        {"logit", "preprocess", "towers"});
  Manifest& manifest = parsed.manifest;
  fields["format_version"].integer(kFormatVersion, kFormatVersion, cat(kFormatVersion));
  read_identity(fields, manifest);
  if (!find_base) fields["extends"].expected("null in a package that another one extends");
  manifest.extends = read_base(fields["extends"], manifest.name);
  if (root.any_problem()) return;  // what the rest must be depends on the base
  parsed.base = find_base(*manifest.extends);
  const Manifest& base = parsed.base->manifest();
  check_base(fields["extends"], *manifest.extends, base);
  if (base.extends) return;
  inherit(base, manifest);
  fields["family"].one_of({base.family});
  manifest.files = read_files(fields["files"]);
  if (fields.has("preprocess")) read_more_preprocess(fields["preprocess"], manifest);
  manifest.towers.merge(read_blocks(fields["towers"], manifest));
  if (fields.has("logit")) manifest.logit = read_logit(fields["logit"]);
  read_tasks(fields["tasks"], parsed);
  manifest.reference = read_reference(fields["reference"], manifest);
  borrow_files(fields["files"], base, manifest);
}

}  // namespace glint
