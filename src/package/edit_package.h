// A package made from another one: its task with one more head, or with a new last one.
#pragma once

#include <glint/package.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace glint {

struct PackageEdit {
  std::string name;            // of the new package
  std::string task;            // the only one it has
  bool replaces_last = false;  // the new head takes the last one's place
  std::string head;            // type of the new head
  std::map<std::string, double> parameters;
  std::vector<std::byte> tensors;      // its safetensors file
  std::vector<std::string> classes;    // classes.json
  std::vector<std::string> templates;  // of the first head; none: they stay
  LogitSpec logit;
  std::map<std::string, std::string> provenance;  // added to the package's
  // Calls that show what the towers answer, for a package that has none of its own to take over:
  // inputs and outputs by port.
  struct Call {
    std::string tower;
    std::string method;
    NamedTensors inputs;
    NamedTensors outputs;
  };
  std::vector<Call> calls;
  std::map<std::string, std::string> versions;  // of what computed them
};

// The files of a package that extends `package`, or the base that it extends. It keeps what the
// task of `package` uses of its own; all else of the base's stays there. Throws
// Error(kInvalidArgument): a name or a string that a manifest cannot hold.
PackageFiles edit_package(const Package& package, const PackageEdit& edit);

// The package's own files, glint.json and its digest among them: what lies in its folder.
PackageFiles own_files(const Package& package);

}  // namespace glint
