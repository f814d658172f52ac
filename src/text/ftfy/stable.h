// ftfy repeats its repairs until they change nothing more.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

namespace glint::ftfy {

// Characters that the rounds of one loop may read in all. Each round strips a layer, so a real text
// is stable after two or three; a made-up one ("&amp;amp;amp;...") can ask for a round for every
// few characters and so for time that grows with the square of its length. This is the one place
// where we stop before ftfy does: a text of n characters gets max(16, 2e7 / n) rounds.
inline constexpr std::size_t kMinRounds = 16;
inline constexpr std::size_t kMaxRead = 20'000'000;

// text = step(text), until that changes nothing.
template <typename Step>
std::u32string until_stable(std::u32string text, const Step& step) {
  const std::size_t rounds = std::max(kMinRounds, kMaxRead / (text.size() + 1));
  for (std::size_t round = 0; round < rounds; ++round) {
    std::u32string next = step(text);
    if (next == text) break;
    text = std::move(next);
  }
  return text;
}

}  // namespace glint::ftfy
