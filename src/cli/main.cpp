#include "cli/app.h"

int main(int argc, char** argv) { return glint::cli::run(argc, argv); }
