// Small packages whose task "classify" has the heads of another of their tasks, and folders of
// their pictures.
#pragma once

#include <glint/adapt.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/scratch_folder.h"
#include "support/tiny_package.h"

namespace glint::test {

inline const std::string kPackages = std::string(GLINT_TEST_DATA) + "/golden/packages/";

// The package `name` of tests/golden, with `task` in the place of its task "classify" and no other.
inline Package with_task(const std::string& name, const std::string& task) {
  Files files = read_files(kPackages + name);
  auto manifest = nlohmann::json::parse(manifest_of(files));
  manifest["tasks"] = {{"classify", manifest["tasks"][task]}};
  set_manifest(files, manifest.dump());
  return Package::from_memory(files, name);
}

inline Model load(const Package& package, std::int64_t max_batch = 32) {
  ModelOptions options;
  options.max_batch = max_batch;
  options.threads = 1;  // tests run side by side
  return Model::load(package, options);
}

// SCRATCH/CLASS/N.png: pictures of adapters.glint, in the order given.
class Pictures {
 public:
  using Layout = std::vector<std::pair<std::string, std::vector<int>>>;  // class, its pictures

  explicit Pictures(const Layout& layout = {{"cat", {0, 1}}, {"ship", {2, 3, 4}}, {"hen", {5}}}) {
    for (const auto& [label, numbers] : layout) {
      std::filesystem::create_directories(scratch_.path() / label);
      for (const int number : numbers) put(label, number);
    }
  }

  std::string folder() const { return scratch_.path().string(); }
  std::string folder(const std::string& label) const { return (scratch_.path() / label).string(); }
  void put(const std::string& label, int number) {
    const std::string name = std::to_string(number) + ".png";
    std::filesystem::copy_file(kPackages + "adapters.glint/reference/" + name,
                               scratch_.path() / label / name);
  }
  void spoil(const std::string& label, const std::string& name) {
    std::filesystem::create_directories(scratch_.path() / label);
    std::ofstream(scratch_.path() / label / name) << "no picture";
  }

 private:
  ScratchFolder scratch_;
};

}  // namespace glint::test
