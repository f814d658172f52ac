#include "text/whole_words.h"

#include <bit>
#include <cstring>

namespace glint {
namespace {

constexpr std::size_t kProbes = 8;  // enough for all but a few of the published vocabulary

template <typename T>
std::uint64_t number(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

template <typename T>
std::uint64_t last_number(std::string_view word) {
  return number<T>(word.data() + word.size() - sizeof(T));
}

}  // namespace

WholeWords::WholeWords(std::size_t count)
    : shift_(64 - static_cast<int>(std::bit_width(2 * count + 1))),
      slots_((std::size_t{1} << (64 - shift_)) + kProbes) {}

WholeWords::Key WholeWords::key_of(std::string_view word) {
  const auto size = static_cast<std::uint32_t>(word.size());
  if (size >= 8)
    return {number<std::uint64_t>(word.data()), last_number<std::uint64_t>(word), size};
  if (size >= 4)
    return {number<std::uint32_t>(word.data()), last_number<std::uint32_t>(word), size};
  if (size >= 2)
    return {number<std::uint16_t>(word.data()), last_number<std::uint16_t>(word), size};
  return {number<std::uint8_t>(word.data()), 0, size};
}

// Multiplication by odd numbers near the golden ratio; the upper bits are the mixed ones.
std::size_t WholeWords::place_of(const Key& key) const {
  const std::uint64_t mixed = std::rotl(key.first * 0x9e3779b97f4a7c15, 32) ^ key.last ^ key.size;
  return static_cast<std::size_t>((mixed * 0x9e3779b97f4a7c15) >> shift_);
}

void WholeWords::add(std::string_view word, std::int32_t symbol) {
  const Key key = key_of(word);
  const std::size_t place = place_of(key);
  for (std::size_t i = place; i < place + kProbes; ++i) {
    if (slots_[i].key.size != 0) continue;
    slots_[i] = {key, symbol};
    return;
  }
}

std::int32_t WholeWords::find(const Key& key) const {
  const Slot* const slot = slots_.data() + place_of(key);
  for (std::size_t i = 0; i < kProbes && slot[i].key.size != 0; ++i) {
    if (slot[i].key == key) return slot[i].symbol;
  }
  return kNone;
}

}  // namespace glint
