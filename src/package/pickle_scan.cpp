#include "package/pickle_scan.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "core/check.h"
#include "package/bytes.h"

namespace glint {
namespace {

// Opcodes without an argument: MARK STOP NONE BINPERSID REDUCE APPEND BUILD DICT EMPTY_DICT
// APPENDS LIST EMPTY_LIST SETITEM TUPLE EMPTY_TUPLE SETITEMS, and from protocol 2 NEWOBJ TUPLE1
// TUPLE2 TUPLE3 NEWTRUE NEWFALSE (CPython Lib/pickletools.py, opcodes).
constexpr std::string_view kBare = "(.NQRabd}el]st)u\x81\x85\x86\x87\x88\x89";

// Bytes of the fixed argument of an opcode; nothing for one that torch does not read.
std::optional<std::size_t> argument_bytes(char opcode) {
  switch (opcode) {
    case 'K':  // BININT1
    case 'h':  // BINGET
    case 'q':  // BINPUT
      return 1;
    case 'M':  // BININT2
      return 2;
    case 'J':  // BININT
    case 'j':  // LONG_BINGET
    case 'r':  // LONG_BINPUT
    case 'X':  // BINUNICODE: the length of what follows
      return 4;
    case 'G':  // BINFLOAT
      return 8;
    case '\x8a':  // LONG1, in torch always of 8 bytes
      return 9;
    default:
      if (kBare.find(opcode) != std::string_view::npos) return 0;
      return std::nullopt;
  }
}

bool is_identifier(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  });
}

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// What a pickle of tensors and modules needs (Unpickler::readGlobal), less everything else.
bool is_allowed_global(std::string_view module, std::string_view name) {
  constexpr std::array<std::string_view, 13> kTorch = {"device",
                                                       "FloatStorage",
                                                       "HalfStorage",
                                                       "BFloat16Storage",
                                                       "DoubleStorage",
                                                       "LongStorage",
                                                       "IntStorage",
                                                       "ShortStorage",
                                                       "CharStorage",
                                                       "ByteStorage",
                                                       "BoolStorage",
                                                       "ComplexFloatStorage",
                                                       "ComplexDoubleStorage"};
  constexpr std::array<std::string_view, 5> kPickle = {"build_intlist", "build_tensorlist",
                                                       "build_doublelist", "build_boollist",
                                                       "restore_type_tag"};
  if (module == "torch") return is_one_of(name, kTorch);
  if (module == "torch.jit._pickle") return is_one_of(name, kPickle);
  if (module == "torch._utils") return name == "_rebuild_tensor_v2";
  if (module == "collections") return name == "OrderedDict";
  if (module == "builtins") return name == "complex";
  // Classes of the archive itself; those of __torch__.torch.classes are compiled ones.
  constexpr std::string_view kOwn = "__torch__";
  constexpr std::string_view kCompiled = "__torch__.torch.classes";
  if (!module.starts_with(kOwn) || !is_identifier(name)) return false;
  if (module.size() > kOwn.size() && module[kOwn.size()] != '.') return false;
  return !module.starts_with(kCompiled) && !(module == "__torch__.torch" && name == "classes");
}

class PickleScanner {
 public:
  PickleScanner(std::span<const std::byte> pickle, std::string_view where)
      : pickle_(pickle), where_(where) {}

  void scan() {
    const auto protocol = take(2);
    if (protocol[0] != std::byte{0x80} || protocol[1] != std::byte{2}) {
      fail(ErrorCode::kCorruptPackage, where_, ": expected a pickle of protocol 2, got another");
    }
    while (true) {
      const auto opcode = static_cast<char>(take(1)[0]);
      if (opcode == 'c') {
        const std::string_view module = line();
        const std::string_view name = line();
        if (!is_allowed_global(module, name)) {
          fail(ErrorCode::kCorruptPackage, where_,
               ": expected tensors and the archive's own classes, got the global ",
               quote(cat(module, ".", name)));
        }
        continue;
      }
      const auto bytes = argument_bytes(opcode);
      if (!bytes) {
        fail(ErrorCode::kCorruptPackage, where_, ": expected opcodes that torch reads, got ",
             static_cast<int>(static_cast<unsigned char>(opcode)), " at byte ", at_ - 1);
      }
      const auto argument = take(*bytes);
      if (opcode == 'X') take(read_le<std::uint32_t>(argument, 0));
      if (opcode == '.') break;
    }
    if (at_ != pickle_.size()) {
      fail(ErrorCode::kCorruptPackage, where_, ": expected the pickle to end at byte ", at_,
           ", got ", pickle_.size() - at_, " more bytes");
    }
  }

 private:
  std::span<const std::byte> take(std::size_t bytes) {
    if (pickle_.size() - at_ < bytes) {
      fail(ErrorCode::kCorruptPackage, where_, ": expected a whole pickle, got a truncated one of ",
           pickle_.size(), " bytes");
    }
    const auto part = pickle_.subspan(at_, bytes);
    at_ += bytes;
    return part;
  }

  // Up to the next newline, which is consumed.
  std::string_view line() {
    const std::string_view rest(reinterpret_cast<const char*>(pickle_.data()) + at_,
                                pickle_.size() - at_);
    const std::size_t bytes = std::min(rest.find('\n'), rest.size());
    take(bytes + 1);
    return rest.substr(0, bytes);
  }

  std::span<const std::byte> pickle_;
  std::string_view where_;
  std::size_t at_ = 0;
};

}  // namespace

void scan_pickle(std::span<const std::byte> pickle, std::string_view where) {
  PickleScanner(pickle, where).scan();
}

}  // namespace glint
