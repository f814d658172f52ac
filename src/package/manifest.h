// glint.json: bytes -> Manifest, with every rule of models/package.md that needs no other file.
#pragma once

#include <glint/package.h>

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace glint {

// Of glint.json.
inline constexpr std::size_t kMaxManifestBytes = std::size_t{1} << 20;

struct ParsedManifest {
  Manifest manifest;  // without classes, and without the heads' templates
  // For each task, the templates file of each of its heads.
  std::map<std::string, std::vector<std::optional<std::string>>, std::less<>> templates;
  std::optional<Package> base;  // with manifest.extends
};

// Opens the base of a package that extends one.
using FindBase = std::function<Package(const BaseSpec&)>;

// Throws Error: kUnsupported (a newer format_version), kCorruptPackage (not JSON, or with every
// problem and its JSON path), and what find_base throws. Messages begin with `where`.
// `find_base`: none for a package that may extend nothing, which a base is.
ParsedManifest parse_manifest(std::span<const std::byte> text, std::string_view where,
                              const FindBase& find_base = {});

}  // namespace glint
