// What a class bank depends on, and whether two models agree on it.
#pragma once

#include <glint/class_bank.h>
#include <glint/package.h>

#include <string_view>

namespace glint {

// Of the named task of the manifest.
BankSource bank_source_of(const Package& package, std::string_view task);

// Throws Error(kInvalidArgument), which says what differs, when a bank of `source` does not belong
// to a model of `own`. What either does not know is not compared: a package without a text tower
// takes the banks of its image tower, those of its own heads if these learned anything. `what`: it
// is, for the message.
void check_bank_source(const BankSource& source, const BankSource& own,
                       std::string_view what = "a class bank");

}  // namespace glint
