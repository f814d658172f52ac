#include "package/sha256.h"

#include <algorithm>
#include <array>
#include <cstdint>

#if defined(GLINT_X86_KERNELS)
#include <cpuid.h>
#endif

#include "package/sha256_blocks.h"

namespace glint {
namespace {

struct Available {
  std::array<const Sha256Blocks*, 2> list{&sha256::kScalar};
  std::size_t count = 1;
};

Available find_available() {
  Available found;
#if defined(GLINT_X86_KERNELS)
  __builtin_cpu_init();
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kSha = 1U << 29;  // of leaf 7, EBX: not every compiler can ask for it by name
  const bool sha = __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & kSha) != 0;
  if (sha && __builtin_cpu_supports("sse4.1")) found.list[found.count++] = &sha256::kX86;
#endif
  return found;
}

}  // namespace

std::span<const Sha256Blocks* const> sha256_implementations() {
  static const Available available = find_available();
  return std::span(available.list).first(available.count);
}

std::string sha256_hex(std::span<const std::byte> bytes) {
  return sha256_hex(bytes, *sha256_implementations().back());
}

std::string sha256_hex(std::span<const std::byte> bytes, const Sha256Blocks& blocks) {
  // Fractional parts of the square roots of the first eight primes (FIPS 5.3.3).
  std::array<std::uint32_t, 8> state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  const std::size_t whole = bytes.size() / kSha256BlockBytes * kSha256BlockBytes;
  blocks.add(state.data(), bytes.data(), whole / kSha256BlockBytes);

  // The rest, a 1 bit, zeros and the length in bits: one or two blocks (FIPS 5.1.1).
  std::array<std::byte, 2 * kSha256BlockBytes> tail{};
  const std::size_t rest = bytes.size() - whole;
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(whole), rest, tail.begin());
  tail[rest] = std::byte{0x80};
  const std::size_t tail_bytes =
      rest + 9 <= kSha256BlockBytes ? kSha256BlockBytes : 2 * kSha256BlockBytes;
  const std::uint64_t bits = std::uint64_t{bytes.size()} * 8;
  for (std::size_t i = 0; i < 8; ++i) {
    tail[tail_bytes - 1 - i] = static_cast<std::byte>(bits >> (8 * i) & 0xff);
  }
  blocks.add(state.data(), tail.data(), tail_bytes / kSha256BlockBytes);

  constexpr char kHex[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(64);
  for (const std::uint32_t word : state) {
    for (int shift = 28; shift >= 0; shift -= 4) hex += kHex[word >> shift & 15];
  }
  return hex;
}

bool is_sha256_hex(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace glint
