// GLINT_API marks what the shared library exports; everything else is hidden.
#pragma once

#if defined(_WIN32)
#define GLINT_API
#else
#define GLINT_API __attribute__((visibility("default")))
#endif
