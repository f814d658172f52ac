#include <glint/package.h>
#include <glint/tensor.h>

#include <cstdio>
#include <memory>

#include "cli/command.h"
#include "cli/describe.h"
#include "cli/graph_sheet.h"
#include "cli/options.h"
#include "core/check.h"

namespace glint::cli {
namespace {

constexpr const char* kExamples =
    R"(Every digest is checked first; nothing of the package is run. With --graph the towers are loaded,
and their graphs are counted as the package has them and as they run (--precision decides).

Examples:
  glint inspect clip-vit-b-32.glint
  glint inspect clip-vit-b-32.glint --json
  glint inspect clip-vit-b-32.glint --graph --precision fast)";

struct InspectOptions {
  CommonOptions common;
  bool json = false;
  bool graph = false;
};

std::string ports_text(const std::vector<Port>& ports) {
  std::string text;
  for (const Port& port : ports) text += (text.empty() ? "" : ", ") + to_string(port);
  return text;
}

std::string size_text(std::int64_t bytes) {
  char text[32];
  if (bytes < 1'000'000) {
    std::snprintf(text, sizeof text, "%.1f kB", static_cast<double>(bytes) / 1e3);
  } else {
    std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / 1e6);
  }
  return text;
}

// The reader's form: a name and a text a line, parts of a whole indented.
class Sheet {
 public:
  Sheet(const Package& package, Console& console)
      : package_(package), manifest_(package.manifest()), console_(console) {}

  void print() const {
    print_identity();
    for (const auto& [name, tower] : manifest_.towers) print_tower(name, tower);
    for (const auto& [name, spec] : manifest_.preprocess) print_preprocess(name, spec);
    print_tokenizer();
    for (const auto& [name, task] : manifest_.tasks) print_task(name, task);
    if (!manifest_.classes.empty()) row("classes", manifest_.classes.size());
    row("licence", manifest_.licence);
    for (const auto& [name, text] : manifest_.provenance) row("provenance", name, ": ", text);
    row("reference", manifest_.reference.images.size(), " images, ",
        manifest_.reference.texts.size(), " texts");
    for (const auto& [name, digest] : manifest_.files) {
      row("file", name, ", ", size_text(static_cast<std::int64_t>(package_.file(name).size())),
          is_lent(package_, name) ? ", of " + manifest_.extends->name : "");
    }
  }

 private:
  template <typename... Parts>
  void row(std::string name, const Parts&... parts) const {
    constexpr std::size_t kWidth = 12;
    name.resize(std::max(name.size(), kWidth), ' ');
    console_.line(name + printable(cat(parts...)));
  }

  void print_identity() const {
    row("name", manifest_.name);
    row("family", manifest_.family);
    row("digest", package_.digest());
    row("size", size_text(size_bytes(package_)));
    if (const auto base = package_.base()) {
      row("extends", base->manifest().name, " at ", base->path(), ", digest ", base->digest());
    }
    row("embedding", manifest_.embed_dim, " numbers");
    row("activation", manifest_.activation);
    row("logit", manifest_.logit.scale, " * cosine + ", manifest_.logit.bias);
  }

  void print_tower(const std::string& name, const TowerSpec& tower) const {
    row("tower", name, ": ", tower.file, ", stored as ", to_string(tower.storage));
    for (const auto& [method, spec] : tower.methods) {
      row("", method, ": ", ports_text(spec.inputs), " -> ", ports_text(spec.outputs));
    }
  }

  void print_preprocess(const std::string& name, const PreprocessSpec& spec) const {
    const auto triple = [](const std::array<float, 3>& v) {
      return cat("[", v[0], ", ", v[1], ", ", v[2], "]");
    };
    row("preprocess", name, ": ", spec.width, " x ", spec.height, ", ", name_of(spec.geometry),
        spec.resize == 0 ? "" : cat(" side ", spec.resize), ", ", name_of(spec.interpolation),
        ", rgb ", name_of(spec.rgb));
    row("", "arithmetic ", name_of(spec.arithmetic), ", rescale ", name_of(spec.rescale),
        ", channels ", name_of(spec.channels));
    row("", "mean ", triple(spec.mean), ", std ", triple(spec.std));
  }

  void print_tokenizer() const {
    if (!manifest_.tokenizer) {
      row("tokenizer", "none");
      return;
    }
    const TokenizerSpec& spec = *manifest_.tokenizer;
    row("tokenizer", manifest_.merges_file, ": context ", spec.context_length, ", overflow ",
        name_of(spec.overflow), ", start ", spec.start_id, ", end ", spec.end_id, ", pad ",
        spec.pad_id);
  }

  void print_task(const std::string& name, const TaskSpec& task) const {
    for (const HeadSpec& head : task.heads) {
      row("task", name, ": ", head.type, ", preprocess ", task.preprocess, ", ",
          head.templates.size(), head.templates.size() == 1 ? " template" : " templates",
          head.tensors.empty() ? "" : ", ", head.tensors);
    }
  }

  const Package& package_;
  const Manifest& manifest_;
  Console& console_;
};

int inspect_graphs(const InspectOptions& options, const Context& context) {
  const ModelReport report = load_model(options.common, context).report();
  if (options.json) {
    context.console.line(to_line(describe_graphs(report)));
  } else {
    print_graphs(report, context.console);
  }
  return 0;
}

int inspect(const InspectOptions& options, const Context& context) {
  if (options.graph) return inspect_graphs(options, context);
  const auto package = Package::open(package_path(options.common, context.console));
  if (options.json) {
    context.console.line(to_line(describe(package)));
  } else {
    Sheet(package, context.console).print();
  }
  return 0;
}

}  // namespace

Command add_inspect(CLI::App& program, const Context& context) {
  const auto options = std::make_shared<InspectOptions>();
  CLI::App* command = program.add_subcommand("inspect", "Show what a package is");
  command->footer(kExamples);
  command->add_flag("--json", options->json, "One JSON object");
  command->add_flag("--graph", options->graph, "The towers' graphs before and after the passes");
  add_common(*command, options->common, ModelArgument::kFlagOrPositional);
  return {command, [options, context] { return inspect(*options, context); }};
}

}  // namespace glint::cli
