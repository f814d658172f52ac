#include "cli/bench_shapes.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "cli/bench_table.h"
#include "cli/json.h"
#include "cli/stopwatch.h"
#include "core/check.h"

namespace glint::cli {
namespace {

constexpr std::array<std::size_t, 8> kWidths = {27, 6, 12, 12, 12, 12, 12, 12};

double ratio(const FirstCall& time) { return time.first / time.next; }

// "3 images", "1 text of 12 ids"
std::string name_of(const ShapeWork& shape) {
  std::string name = cat(shape.work.items, " ", shape.tower, shape.work.items == 1 ? "" : "s");
  return shape.ids == 0 ? name : cat(name, " of ", shape.ids, " ids");
}

Json to_json(const ShapeWork& shape, const FirstCall& time) {
  return {{"what", "new-shape"},
          {"tower", shape.tower},
          {"batch", shape.work.items},
          {"ids", shape.ids == 0 ? Json() : Json(shape.ids)},
          {"cold", shape.cold},
          {"first_ms", 1e3 * time.first},
          {"next_ms", 1e3 * time.next},
          {"ratio", ratio(time)},
          {"threads", shape.work.threads},
          {"precision", shape.work.precision},
          {"device", shape.work.device}};
}

// A shape and what it took.
struct Line {
  ShapeWork shape;
  FirstCall time;
};

std::string to_table(const std::string& name, const Line& line) {
  const auto& [shape, time] = line;
  return table_line(
      {name, shape.cold ? "cold" : "warm", number(1e3 * time.first), number(1e3 * time.next),
       number(ratio(time)), cat(shape.work.threads), shape.work.precision, shape.work.device},
      kWidths);
}

const std::string kHeader = table_line(
    {"new shape", "tower", "first ms", "next ms", "first/next", "threads", "precision", "device"},
    kWidths);

}  // namespace

void bench_new_shapes(BenchWorks& works, std::int64_t rounds, bool json, const Context& context) {
  const std::vector<ShapeWork> shapes = works.new_shapes();
  if (!json) context.console.line(kHeader);
  auto bar = context.console.bar("shapes");
  std::vector<Line> warm;
  std::int64_t done = 0;
  for (const ShapeWork& shape : shapes) {
    check_interrupt(context);
    bar.update(done++, static_cast<std::int64_t>(shapes.size()));
    const Line line{shape, time_first(shape.work.call, rounds)};
    if (!shape.cold) warm.push_back(line);
    context.console.line(json ? to_line(to_json(shape, line.time))
                              : to_table(name_of(shape), line));
    context.console.flush();
  }
  if (json) return;
  const auto by_ratio = [](const Line& line) { return ratio(line.time); };
  const Line& worst = *std::ranges::max_element(warm, {}, by_ratio);
  context.console.line(to_table("worst: " + name_of(worst.shape), worst));
}

}  // namespace glint::cli
