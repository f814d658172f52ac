#include "cli/graph_sheet.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>
#include <vector>

#include "core/check.h"

namespace glint::cli {
namespace {

struct Counts {
  std::int64_t loaded = 0, executed = 0;
};

using Kinds = std::vector<std::pair<std::string, Counts>>;

Kinds kinds_of(const MethodReport& method) {
  std::map<std::string, Counts> counts;
  for (const auto& [kind, count] : method.kinds_loaded) counts[kind].loaded = count;
  for (const auto& [kind, count] : method.kinds_executed) counts[kind].executed = count;
  Kinds kinds(counts.begin(), counts.end());
  std::ranges::stable_sort(kinds, [](const auto& a, const auto& b) {
    return std::max(a.second.loaded, a.second.executed) >
           std::max(b.second.loaded, b.second.executed);
  });
  return kinds;
}

void print_counts(const std::string& name, const Counts& counts, Console& console) {
  char line[128];
  std::snprintf(line, sizeof line, "  %-44s %7lld %7lld", printable(name).c_str(),
                static_cast<long long>(counts.loaded), static_cast<long long>(counts.executed));
  console.line(line);
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

}  // namespace

void print_graphs(const ModelReport& report, Console& console) {
  for (const TowerReport& tower : report.towers) {
    console.line(printable(cat("tower ", tower.name, ": computes in ", tower.compute)));
    console.line(printable(cat("passes: ", listed(tower.passes))));
    for (const std::string& fallback : tower.fallbacks)
      console.line(printable(cat("fallback: ", fallback)));
    for (const MethodReport& method : tower.methods) {
      console.line(printable(method.name));
      console.line("  nodes                                         loaded     run");
      print_counts("all", {method.nodes_loaded, method.nodes_executed}, console);
      for (const auto& [kind, counts] : kinds_of(method)) print_counts(kind, counts, console);
    }
  }
}

Json describe_graphs(const ModelReport& report) {
  Json towers = Json::object();
  for (const TowerReport& tower : report.towers) {
    Json methods = Json::object();
    for (const MethodReport& method : tower.methods) {
      methods[method.name] = {{"nodes_loaded", method.nodes_loaded},
                              {"nodes_executed", method.nodes_executed},
                              {"kinds_loaded", method.kinds_loaded},
                              {"kinds_executed", method.kinds_executed}};
    }
    towers[tower.name] = {{"compute", tower.compute},
                          {"passes", tower.passes},
                          {"fallbacks", tower.fallbacks},
                          {"methods", std::move(methods)}};
  }
  return {
      {"package", report.package}, {"precision", report.precision}, {"towers", std::move(towers)}};
}

}  // namespace glint::cli
