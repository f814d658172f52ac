// What a test expects of a call that must fail.
#pragma once

#include <glint/error.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace glint::test {

// The message of the Error that `call` throws; "" when it throws none. Other exceptions pass on.
template <typename Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// Runs `call` and expects an Error of this code whose message has this part.
template <typename Call>
void expect_error(ErrorCode code, std::string_view part, const Call& call) {
  try {
    call();
    ADD_FAILURE() << "expected an error with: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(to_string(error.code()), to_string(code)) << error.what();
    EXPECT_NE(std::string_view(error.what()).find(part), std::string_view::npos)
        << "expected: " << part << "\ngot: " << error.what();
  }
}

}  // namespace glint::test
