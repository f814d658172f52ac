#include "segmentation/legend.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "core/check.h"
#include "segmentation/font.h"

namespace glint {
namespace {

constexpr std::size_t kMaxEntries = 24;
constexpr std::size_t kMaxLetters = 40;  // of a label
constexpr std::int64_t kBox = 9;         // dots, as the gaps below
constexpr std::int64_t kGap = 4;
constexpr std::int64_t kLine = kBox + kGap;
constexpr Colour kInk{32, 32, 32};

std::string shortened(const std::string& label) {
  std::string text = ascii_form(label);
  if (text.size() > kMaxLetters) text = text.substr(0, kMaxLetters - 3) + "...";
  return text;
}

std::string percent(double share) {
  char text[16];
  std::snprintf(text, sizeof text, share < 0.001 ? " <0.1%%" : " %.1f%%", 100 * share);
  return text;
}

}  // namespace

Legend::Legend(const Segmentation& segmentation, const std::vector<Colour>& colours,
               const std::string& plain)
    : dot_(std::clamp<std::int64_t>(segmentation.width / 240, 1, 12)), width_(segmentation.width) {
  const std::vector<double> fractions = label_fractions(segmentation);
  std::vector<std::size_t> order(fractions.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::erase_if(order, [&](std::size_t k) { return fractions[k] == 0; });
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t k) { return fractions[k]; });
  const std::size_t shown = std::min(order.size(), kMaxEntries);
  for (std::size_t i = 0; i < shown; ++i) {
    const std::size_t k = order[i];
    add(shortened(segmentation.labels[k]) + percent(fractions[k]), colours[k],
        segmentation.labels[k] == plain, true);
  }
  if (shown < order.size()) add(cat("and ", order.size() - shown, " more"), kInk, false, false);
  for (const Entry& entry : entries_) width_ = std::max(width_, width_of(entry) + 2 * kGap * dot_);
  place(width_);
}

void Legend::add(std::string text, Colour colour, bool empty, bool boxed) {
  entries_.push_back({.text = std::move(text), .colour = colour, .empty = empty, .boxed = boxed});
}

std::int64_t Legend::width_of(const Entry& entry) const {
  const std::int64_t letters = std::ssize(entry.text) * (kLetterWidth + 1);
  return (letters + (entry.boxed ? kBox + kGap : 0)) * dot_;
}

// Entries stand beside each other while there is room.
void Legend::place(std::int64_t width) {
  std::int64_t left = kGap * dot_, top = kGap * dot_;
  for (Entry& entry : entries_) {
    if (left > kGap * dot_ && left + width_of(entry) + kGap * dot_ > width) {
      left = kGap * dot_;
      top += kLine * dot_;
    }
    entry.left = left;
    entry.top = top;
    left += width_of(entry) + 2 * kGap * dot_;
  }
  height_ = entries_.empty() ? 0 : top + kLine * dot_;
}

void Legend::draw(Canvas& canvas, std::int64_t top) const {
  for (const Entry& entry : entries_) {
    std::int64_t left = entry.left;
    if (entry.boxed) {
      const std::int64_t side = kBox * dot_;
      canvas.fill(left, top + entry.top, side, side, entry.empty ? kInk : entry.colour);
      if (entry.empty) {
        canvas.fill(left + dot_, top + entry.top + dot_, side - 2 * dot_, side - 2 * dot_,
                    {255, 255, 255});
      }
      left += side + kGap * dot_;
    }
    canvas.write(left, top + entry.top + dot_, entry.text, dot_, kInk);
  }
}

}  // namespace glint
