// glint.json: bytes -> Manifest, with every rule of models/package.md that needs no other file.
#pragma once

#include <glint/package.h>

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace glint {

struct ParsedManifest {
  Manifest manifest;  // without classes, and without the heads' templates
  // For each task, the templates file of each of its heads.
  std::map<std::string, std::vector<std::optional<std::string>>, std::less<>> templates;
};

// Throws Error: kUnsupported (a newer format_version), kCorruptPackage (not JSON, or with every
// problem and its JSON path). Messages begin with `where`.
ParsedManifest parse_manifest(std::span<const std::byte> text, std::string_view where);

}  // namespace glint
