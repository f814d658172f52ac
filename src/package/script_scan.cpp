#include "package/script_scan.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "core/check.h"

namespace glint {
namespace {

// Operators of the aten namespace that read or write files, print, or change the host program's
// state; with them, the names such operators have elsewhere.
constexpr std::array<std::string_view, 8> kForbidden = {
    "save", "load", "from_file", "_print", "load_tensor", "warn", "manual_seed", "fork"};
// Functions that need no module in front.
constexpr std::array<std::string_view, 4> kForbiddenFunctions = {"print", "rpc_async", "rpc_sync",
                                                                 "rpc_remote"};
// Operators of the prim namespace that torch prints as ops.prim.NAME in sound modules
// (torch/csrc/jit/serialization/python_print.cpp).
constexpr std::array<std::string_view, 34> kPrim = {"NumToTensor",
                                                    "RaiseException",
                                                    "Uninitialized",
                                                    "unchecked_cast",
                                                    "unchecked_unwrap_optional",
                                                    "EnumName",
                                                    "EnumValue",
                                                    "TupleIndex",
                                                    "TupleUnpack",
                                                    "StringIndex",
                                                    "abs",
                                                    "data",
                                                    "device",
                                                    "dtype",
                                                    "grad",
                                                    "id",
                                                    "index",
                                                    "is_cpu",
                                                    "is_cuda",
                                                    "is_meta",
                                                    "is_nested",
                                                    "is_quantized",
                                                    "is_sparse",
                                                    "itemsize",
                                                    "layout",
                                                    "max",
                                                    "min",
                                                    "name",
                                                    "nbytes",
                                                    "rangelist",
                                                    "requires_grad",
                                                    "shape",
                                                    "tolist",
                                                    "type"};

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

enum class Kind { kName, kString, kNumber, kNewline, kOther };

struct Token {
  Kind kind = Kind::kOther;
  std::string text;  // of a string: its value
};

// Splits source as torch's lexer does (torch/csrc/jit/frontend/lexer.h, SharedParserData::match),
// as far as names, strings and dots need it.
class ScriptLexer {
 public:
  ScriptLexer(std::string_view source, std::string_view where) : source_(source), where_(where) {}

  std::vector<Token> tokens() {
    std::vector<Token> out;
    while (at_ < source_.size()) {
      const char c = source_[at_];
      if (c == '\n') {
        out.push_back({Kind::kNewline, "\n"});
        ++at_;
      } else if (c == ' ' || (c >= '\t' && c <= '\r')) {
        ++at_;
      } else if (c == '#') {
        skip_comment();
      } else if (c == '"' || c == '\'') {
        add_string(out);
      } else if (is_letter(c)) {
        out.push_back({Kind::kName, name()});
      } else if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
        out.push_back({Kind::kNumber, number()});
      } else if (source_.substr(at_, 3) == "...") {
        out.push_back({Kind::kOther, "..."});
        at_ += 3;
      } else {
        out.push_back({Kind::kOther, std::string(1, c)});
        ++at_;
      }
    }
    return out;
  }

 private:
  char peek(std::size_t ahead) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }

  // What follows "# type:" is code to torch.
  void skip_comment() {
    constexpr std::string_view kType = "# type:";
    if (source_.substr(at_).starts_with(kType)) {
      at_ += kType.size();
    } else {
      at_ = std::min(source_.find('\n', at_), source_.size());
    }
  }

  std::string name() {
    const std::size_t begin = at_;
    while (is_letter(peek(0)) || is_digit(peek(0))) ++at_;
    return std::string(source_.substr(begin, at_ - begin));
  }

  std::string number() {
    const std::size_t begin = at_;
    while (is_digit(peek(0))) ++at_;
    if (peek(0) == '.') ++at_;
    while (is_digit(peek(0))) ++at_;
    if (peek(0) == 'e' || peek(0) == 'E') {
      const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
      if (is_digit(peek(1 + sign))) at_ += 1 + sign;
      while (is_digit(peek(0))) ++at_;
    }
    if (peek(0) == 'j') ++at_;
    if (is_letter(peek(0))) {
      fail(ErrorCode::kCorruptPackage, where_, ": expected decimal numbers, got ",
           quote(source_.substr(begin, at_ + 1 - begin)));
    }
    return std::string(source_.substr(begin, at_ - begin));
  }

  // Adjacent strings are one string to torch, across lines too.
  void add_string(std::vector<Token>& out) {
    std::string value = string_value();
    auto last = out.end();
    while (last != out.begin() && (last - 1)->kind == Kind::kNewline) --last;
    if (last != out.begin() && (last - 1)->kind == Kind::kString) {
      (last - 1)->text += value;
    } else {
      out.push_back({Kind::kString, std::move(value)});
    }
  }

  std::string string_value() {
    const char quote = source_[at_];
    const std::size_t quotes = peek(1) == quote && peek(2) == quote ? 3 : 1;
    const std::string end(quotes, quote);
    at_ += quotes;
    std::string value;
    while (true) {
      if (at_ + quotes > source_.size() || (quotes == 1 && source_[at_] == '\n')) {
        fail(ErrorCode::kCorruptPackage, where_, ": expected strings that end, got an open one");
      }
      if (source_.substr(at_, quotes) == end) break;
      if (source_[at_] == '\\') {
        value += escaped();
      } else {
        value += source_[at_++];
      }
    }
    at_ += quotes;
    return value;
  }

  // \ and three octal digits, or \ and a character that stands for itself or a control character
  // (parse_string_literal.h); control characters are in no operator's name, so they stay as is.
  char escaped() {
    ++at_;
    const auto octal = [&](std::size_t i) { return peek(i) >= '0' && peek(i) <= '7'; };
    if (octal(0) && octal(1) && octal(2)) {
      const int code = (peek(0) - '0') * 64 + (peek(1) - '0') * 8 + (peek(2) - '0');
      at_ += 3;
      return static_cast<char>(code);
    }
    const char c = peek(0);
    ++at_;
    return c == 'n' || c == 't' || c == 'a' || c == 'b' || c == 'f' || c == 'v' ? ' ' : c;
  }

  std::string_view source_;
  std::string_view where_;
  std::size_t at_ = 0;
};

class ScriptScanner {
 public:
  ScriptScanner(std::vector<Token> tokens, std::string_view where)
      : tokens_(std::move(tokens)), where_(where) {}

  void scan() const {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const Token& token = tokens_[i];
      if (token.kind == Kind::kString && is_one_of(token.text, kForbidden)) refuse(token.text);
      if (token.kind != Kind::kName) continue;
      if (is(i - 1, ".")) {
        check_attribute(i);
      } else {
        check_free_name(i);
      }
    }
  }

 private:
  // Positions before the first token wrap around and are no token, like those behind the last.
  bool is(std::size_t i, std::string_view text) const {
    return i < tokens_.size() && tokens_[i].kind != Kind::kString && tokens_[i].text == text;
  }
  bool is_name(std::size_t i) const { return i < tokens_.size() && tokens_[i].kind == Kind::kName; }
  // `NAME : TYPE` at the start of a line declares an attribute of that name.
  bool is_declaration(std::size_t i) const { return (i == 0 || is(i - 1, "\n")) && is(i + 1, ":"); }

  [[noreturn]] void refuse(std::string_view name) const {
    fail(ErrorCode::kCorruptPackage, where_, ": expected code without file, process or network ",
         "operators, got ", quote(name));
  }

  void check_attribute(std::size_t i) const {
    const std::string& name = tokens_[i].text;
    if (is_one_of(name, kForbidden)) refuse(name);
    if (name == "classes" && is(i - 2, "torch")) refuse("torch.classes");
  }

  void check_free_name(std::size_t i) const {
    const std::string& name = tokens_[i].text;
    if (is_declaration(i)) return;
    if (is_one_of(name, kForbiddenFunctions)) refuse(name);
    if (name == "torch" && !(is(i + 1, ".") && is_name(i + 2))) refuse(name);
    if (name == "ops") check_operator(i);
  }

  // ops . NAMESPACE . NAME
  void check_operator(std::size_t i) const {
    if (!is(i + 1, ".") || !is_name(i + 2) || !is(i + 3, ".") || !is_name(i + 4)) refuse("ops");
    const std::string& space = tokens_[i + 2].text;
    const std::string& name = tokens_[i + 4].text;
    if (space == "aten" || (space == "prim" && is_one_of(name, kPrim))) return;
    refuse(cat("ops.", space, ".", name));
  }

  std::vector<Token> tokens_;
  std::string_view where_;
};

}  // namespace

void scan_script(std::string_view source, std::string_view where) {
  ScriptScanner(ScriptLexer(source, where).tokens(), where).scan();
}

}  // namespace glint
