// Looks through the source of a TorchScript archive for operators that reach outside the process.
//
// TorchScript names an operator in four ways: torch.NAME, ops.NAMESPACE.NAME, value.NAME (the
// method form of torch.NAME) and getattr(value, "NAME"). Modules can be renamed (`x = torch`), so
// `torch` and `ops` are taken only with a name right behind them, and forbidden names are refused
// behind any dot and as any string. This is a net for accidents and plain attacks, not a sandbox:
// a TorchScript file is a program, and LibTorch is not built to run hostile ones.
#pragma once

#include <string_view>

namespace glint {

// Throws Error(kCorruptPackage) naming the operator, the message beginning with `where`.
void scan_script(std::string_view source, std::string_view where);

}  // namespace glint
