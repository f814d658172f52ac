// Names of files inside a package.
#pragma once

#include <string_view>

namespace glint {

inline constexpr std::string_view kManifestName = "glint.json";
inline constexpr std::string_view kManifestDigestName = "glint.json.sha256";
inline constexpr std::string_view kClassesName = "classes.json";

// Relative, '/' between at most 4 parts of [A-Za-z0-9._-]+, none of which starts with a dot.
bool is_package_path(std::string_view path);

// What is_package_path wants, for a message.
inline constexpr std::string_view kPackagePathRule =
    "a relative path of at most 4 parts of [A-Za-z0-9._-]+ that start with no dot";

// [a-z0-9][a-z0-9._-]*, at most 64 bytes: a package's and a preprocess's name.
bool is_package_name(std::string_view name);

}  // namespace glint
