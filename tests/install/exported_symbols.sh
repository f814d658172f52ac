#!/bin/sh
# Usage: exported_symbols.sh LIBGLINT.  Fails when the library exports a symbol outside glint::.
set -eu
foreign=$(nm -D --defined-only -C "$1" | cut -d' ' -f3- |
  grep -vE '^(glint::|(typeinfo|typeinfo name|vtable|VTT|guard variable|non-virtual thunk to|virtual thunk to|construction vtable) (for )?glint::)' || true)
if [ -n "$foreign" ]; then
  echo "expected only glint:: symbols, got:"
  echo "$foreign"
  exit 1
fi
echo "only glint:: symbols are exported"
