#include "package/torch_archive.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include "core/check.h"
#include "package/pickle_scan.h"
#include "package/script_scan.h"
#include "package/zip.h"

namespace glint {
namespace {

constexpr std::size_t kMaxScanned = std::size_t{256} << 20;  // bytes of code and pickles, together

enum class Kind { kPickle, kSource, kNumbers, kFact, kUnknown };

bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '-' || c == '.';
}

// "a/b/c" of plain characters without an empty part.
bool is_plain_path(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.back() == '/') return false;
  if (path.find("//") != std::string_view::npos) return false;
  return std::all_of(path.begin(), path.end(), [](char c) { return is_plain(c) || c == '/'; });
}

// What an entry is, by its name below the archive's folder
// (torch/csrc/jit/serialization/export_module.cpp, ScriptModuleSerializer::serialize). Legacy and
// mobile forms (model.json, bytecode.pkl) are other programs than the one scanned, and unknown.
Kind kind_of(std::string_view name) {
  constexpr std::array<std::string_view, 6> kFacts = {"version",         ".data/version",
                                                      "byteorder",       ".data/serialization_id",
                                                      ".format_version", ".storage_alignment"};
  if (std::find(kFacts.begin(), kFacts.end(), name) != kFacts.end()) return Kind::kFact;
  if (!is_plain_path(name)) return Kind::kUnknown;
  for (const std::string_view base : {"data", "constants", "traced_inputs"}) {
    if (!name.starts_with(base)) continue;
    const std::string_view rest = name.substr(base.size());
    if (rest == ".pkl") return Kind::kPickle;
    if (rest.starts_with('/') && rest.find('/', 1) == std::string_view::npos) return Kind::kNumbers;
  }
  if (name.starts_with("code/") && name.ends_with(".py")) return Kind::kSource;
  if (name.starts_with("code/") && name.ends_with(".py.debug_pkl")) return Kind::kPickle;
  if (name.starts_with("extra/")) return Kind::kFact;
  return Kind::kUnknown;
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// The folder that all entries lie in: what torch takes from the first entry (caffe2/serialize/
// inline_container.cc, PyTorchStreamReader::init). Torch finds names regardless of case, so two
// that differ only in case are one.
std::string_view check_names(const std::vector<ZipEntry>& entries, std::string_view where) {
  const std::string_view first = entries.front().name;
  const std::string_view folder = first.substr(0, first.find('/') + 1);
  std::set<std::string> seen;
  for (const ZipEntry& entry : entries) {
    if (folder.size() < 2 || !entry.name.starts_with(folder)) {
      fail(ErrorCode::kCorruptPackage, where, ": expected all entries in one folder, got ",
           quote(entry.name));
    }
    if (!seen.insert(lower(entry.name)).second) {
      fail(ErrorCode::kCorruptPackage, where, ": expected every entry once, got ",
           quote(entry.name), " twice");
    }
  }
  return folder;
}

void scan_entry(const ZipEntry& entry, Kind kind, std::size_t max_bytes, std::string_view where) {
  const std::string place = cat(where, ": ", quote(entry.name));
  const std::vector<std::byte> content = extract(entry, max_bytes, where);
  if (kind == Kind::kPickle) {
    scan_pickle(content, place);
  } else {
    scan_script({reinterpret_cast<const char*>(content.data()), content.size()}, place);
  }
}

}  // namespace

void check_torch_archive(std::span<const std::byte> archive, std::string_view where) {
  const std::vector<ZipEntry> entries = read_zip(archive, where);
  const std::string_view folder = check_names(entries, where);
  std::set<std::string_view> present;
  bool has_source = false;
  std::size_t budget = kMaxScanned;
  for (const ZipEntry& entry : entries) {
    const std::string_view name = std::string_view(entry.name).substr(folder.size());
    const Kind kind = kind_of(name);
    if (kind == Kind::kUnknown) {
      fail(ErrorCode::kCorruptPackage, where, ": expected entries of a TorchScript module, got ",
           quote(entry.name));
    }
    if (entry.deflated && !name.starts_with("code/")) {
      fail(ErrorCode::kCorruptPackage, where, ": expected only code to be deflated, got ",
           quote(entry.name));
    }
    present.insert(name);
    has_source = has_source || kind == Kind::kSource;
    if (kind != Kind::kPickle && kind != Kind::kSource) continue;
    scan_entry(entry, kind, budget, where);
    budget -= static_cast<std::size_t>(entry.size);
  }
  const bool has_version = present.contains("version") || present.contains(".data/version");
  if (!present.contains("data.pkl") || !present.contains("constants.pkl") || !has_version ||
      !has_source) {
    fail(ErrorCode::kCorruptPackage, where,
         ": expected a TorchScript module with data.pkl, constants.pkl, version and code, got an ",
         "archive without one of them");
  }
}

}  // namespace glint
