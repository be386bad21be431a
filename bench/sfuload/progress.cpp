#include "sfuload/progress.h"

#include <cstdarg>
#include <cstdio>
#include <unistd.h>

namespace sluice::load {
namespace {

bool quiet = false;
bool line_open = false;

}  // namespace

void progress(const char* format, ...) {
    if (quiet)
        return;
    const bool terminal = isatty(STDERR_FILENO);
    if (terminal)
        fputs("\r\033[K", stderr);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    if (terminal)
        fflush(stderr);
    else
        fputc('\n', stderr);
    line_open = terminal;
}

void end_progress() {
    if (line_open)
        fputc('\n', stderr);
    line_open = false;
}

void be_quiet() {
    quiet = true;
}

}  // namespace sluice::load
