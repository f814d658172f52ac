// The order matters: nothing is parsed before its digest is checked. The manifest has its own
// digest file; it holds the digests of all others; only then are those looked into.
#include "package/opened_package.h"

#include <atomic>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/in_threads.h"
#include "package/json.h"
#include "package/json_reader.h"
#include "package/labels.h"
#include "package/manifest.h"
#include "package/paths.h"
#include "package/reference.h"
#include "package/safetensors.h"
#include "package/sha256.h"
#include "package/torch_archive.h"

namespace glint {
namespace {

constexpr std::size_t kMaxTemplates = 1'000;
constexpr std::size_t kMaxClasses = 100'000;

// Returns the digest of the manifest.
std::string check_manifest_digest(const FileViews& files) {
  for (const std::string_view name : {kManifestName, kManifestDigestName}) {
    if (!files.contains(name)) {
      fail(name == kManifestName ? ErrorCode::kNotFound : ErrorCode::kCorruptPackage, name,
           ": no such file in the package");
    }
  }
  const std::span<const std::byte> stated_bytes = files.find(kManifestDigestName)->second;
  const std::string_view stated(reinterpret_cast<const char*>(stated_bytes.data()),
                                stated_bytes.size());
  if (stated.size() != 65 || stated.back() != '\n' || !is_sha256_hex(stated.substr(0, 64))) {
    fail(ErrorCode::kCorruptPackage, kManifestDigestName,
         ": expected 64 lower-case hex digits and a newline, got ", quote(stated));
  }
  std::string digest = sha256_hex(files.find(kManifestName)->second);
  if (digest != stated.substr(0, 64)) {
    fail(ErrorCode::kCorruptPackage, kManifestName, ": expected SHA-256 ", stated.substr(0, 64),
         ", got ", digest);
  }
  return digest;
}

// Without those of the base, which were checked there.
std::vector<std::string> own_files(const Manifest& manifest) {
  std::vector<std::string> paths;
  for (const auto& [path, digest] : manifest.files) {
    if (!manifest.extends || !manifest.extends->files.contains(path)) paths.push_back(path);
  }
  return paths;
}

// Every listed file is there with its digest, and no other.
void check_file_digests(const FileViews& files, const Manifest& manifest,
                        const OpenOptions& options) {
  Problems problems;
  std::int64_t total = 0;
  for (const auto& [path, bytes] : files) {
    if (path == kManifestName || path == kManifestDigestName) continue;
    total += static_cast<std::int64_t>(bytes.size());
    if (!manifest.files.contains(path)) {
      problems.add(quote(path), cat("expected no file that ", kManifestName, " does not list"));
    }
  }
  const auto listed = own_files(manifest);
  std::vector<std::string> digests(listed.size());
  std::atomic<std::int64_t> done = 0;
  std::int64_t told = 0;
  const auto tell = [&] {  // by the thread that made the call
    if (options.progress && told != done) options.progress(told = done, total);
  };
  in_threads(listed.size(), threads_of(options), [&](std::size_t i, std::size_t thread) {
    check_stop(options.stop);
    const auto found = files.find(listed[i]);
    if (found == files.end()) return;
    digests[i] = sha256_hex(found->second);
    done += static_cast<std::int64_t>(found->second.size());
    if (thread == 0) tell();
  });
  tell();
  for (std::size_t i = 0; i < listed.size(); ++i) {
    const std::string& stated = manifest.files.find(listed[i])->second;
    if (digests[i].empty()) {
      problems.add(listed[i], "missing");
    } else if (digests[i] != stated) {
      problems.add(listed[i], cat("expected SHA-256 ", stated, ", got ", digests[i]));
    }
  }
  problems.throw_if_any(ErrorCode::kCorruptPackage, "files");
}

std::span<const std::byte> listed(const FileViews& files, std::string_view path) {
  const auto found = files.find(path);
  GLINT_CHECK(found != files.end());
  return found->second;
}

std::vector<std::string> read_templates(const FileViews& files, const std::string& path) {
  const JsonNode tree = parse_json(listed(files, path), kListLimits, path);
  Problems problems;
  std::vector<std::string> templates;
  for (const JsonReader& item : JsonReader(tree, problems).items(1, kMaxTemplates)) {
    const auto text = item.string();
    if (!text) continue;
    if (!is_template(*text)) item.expected("a template with one \"{}\"");
    templates.push_back(*text);
  }
  problems.throw_if_any(ErrorCode::kCorruptPackage, path);
  return templates;
}

std::vector<std::string> read_classes(const FileViews& files) {
  const JsonNode tree = parse_json(listed(files, kClassesName), kListLimits, kClassesName);
  Problems problems;
  std::vector<std::string> classes;
  std::set<std::string> seen;
  for (const JsonReader& item : JsonReader(tree, problems).items(1, kMaxClasses)) {
    const auto label = item.string();
    if (!label) continue;
    if (is_blank(*label)) item.expected("a label that is not blank");
    if (!seen.insert(*label).second) item.expected("a label that is not listed before");
    classes.push_back(*label);
  }
  problems.throw_if_any(ErrorCode::kCorruptPackage, kClassesName);
  return classes;
}

void fill_from_lists(const FileViews& files, ParsedManifest& parsed) {
  for (auto& [name, task] : parsed.manifest.tasks) {
    const auto& paths = parsed.templates.find(name)->second;
    GLINT_CHECK(paths.size() == task.heads.size());
    for (std::size_t i = 0; i < paths.size(); ++i) {
      task.heads[i].templates =
          paths[i] ? read_templates(files, *paths[i]) : std::vector<std::string>{"{}"};
    }
  }
  if (files.contains(kClassesName)) parsed.manifest.classes = read_classes(files);
}

// The outer form of every file that another library will read, and the reference's tensors.
void check_contents(const FileViews& files, const Manifest& manifest) {
  std::set<std::string, std::less<>> archives;
  for (const auto& [name, tower] : manifest.towers) archives.insert(tower.file);
  for (const auto& [path, bytes] : files) {
    if (path.ends_with(".pt") || archives.contains(path)) check_torch_archive(bytes, path);
    if (path == manifest.reference.file) {
      check_reference(parse_safetensors(bytes, path), manifest, path);
    } else if (path.ends_with(".safetensors")) {
      parse_safetensors(bytes, path);
    }
  }
}

}  // namespace

FileViews StoredFiles::views() const {
  FileViews all(read.begin(), read.end());
  for (const auto& [path, file] : mapped) all.emplace(path, file->bytes());
  return all;
}

std::optional<std::span<const std::byte>> StoredFiles::find(std::string_view path) const {
  const auto in_memory = read.find(path);
  if (in_memory != read.end()) return in_memory->second;
  const auto on_disk = mapped.find(path);
  if (on_disk != mapped.end()) return on_disk->second->bytes();
  return std::nullopt;
}

void StoredFiles::move_to(StoredFiles& other, std::string_view path) {
  const auto in_memory = read.find(path);
  if (in_memory != read.end()) other.read.insert(read.extract(in_memory));
  const auto on_disk = mapped.find(path);
  if (on_disk != mapped.end()) other.mapped.insert(mapped.extract(on_disk));
}

OpenedPackage open_files(StoredFiles files, const OpenOptions& options, const FindBase& find_base) {
  const FileViews views = files.views();
  std::string digest = check_manifest_digest(views);
  ParsedManifest parsed = parse_manifest(listed(views, kManifestName), kManifestName, find_base);
  check_file_digests(views, parsed.manifest, options);
  fill_from_lists(views, parsed);
  check_contents(views, parsed.manifest);
  std::vector<std::byte> bytes = std::move(files.read.find(kManifestName)->second);
  files.read.erase(std::string(kManifestName));
  files.read.erase(std::string(kManifestDigestName));
  return {std::move(files), std::move(parsed.manifest), std::move(bytes), std::move(digest),
          std::move(parsed.base)};
}

}  // namespace glint
