// What a class bank depends on, and whether two models agree on it.
#pragma once

#include <glint/class_bank.h>
#include <glint/package.h>

#include <string>
#include <string_view>

namespace glint {

// Of the named task of the manifest.
BankSource bank_source_of(const Package& package, std::string_view task);

// Throws Error(kInvalidArgument), which says what differs, when a bank of `source` does not belong
// to a model of `own`. What either does not know is not compared: a package without a text tower
// takes the banks of its image tower, those of its own heads if these learned anything.
void check_bank_source(const BankSource& source, const BankSource& own);

// What a head computes with: its type, its parameters and the digest of its tensors.
std::string head_text(const Manifest& manifest, const HeadSpec& head);

// Throws Error(kInvalidArgument) when both SHA-256 are known and differ: "expected `what` of this
// model, got one that `maker` made".
void check_maker(std::string_view what, std::string_view maker, const std::string& source,
                 const std::string& own);

}  // namespace glint
