#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <thread>

// A handler may call almost nothing, and std::stop_source is not on the list. So SIGINT is blocked
// in every thread, and one thread waits for it.

namespace glint::cli {

void stop_on_interrupt(std::stop_source source) {
  struct sigaction current {};
  if (sigaction(SIGINT, nullptr, &current) != 0 || current.sa_handler == SIG_IGN) return;
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  if (pthread_sigmask(SIG_BLOCK, &interrupt, nullptr) != 0) return;
  std::thread([source = std::move(source), interrupt]() mutable {
    int signal = 0;
    if (sigwait(&interrupt, &signal) == 0) source.request_stop();
    pthread_sigmask(SIG_UNBLOCK, &interrupt, nullptr);  // the default action takes the next one
    for (;;) pause();
  }).detach();
}

}  // namespace glint::cli
