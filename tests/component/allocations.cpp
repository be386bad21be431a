#include "allocations.h"

#include <cstdlib>

namespace {
thread_local uint64_t allocations = 0;
}

#ifdef COUNT_ALLOCATIONS

// The names under which glibc keeps its own: whoever defines malloc() calls them.
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);

void* malloc(size_t size) {
    allocations++;
    return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
    allocations++;
    return __libc_calloc(count, size);
}
void* realloc(void* old, size_t size) {
    allocations++;
    return __libc_realloc(old, size);
}
}

bool sluice::test::counts_allocations() {
    return true;
}

#else

bool sluice::test::counts_allocations() {
    return false;
}

#endif

uint64_t sluice::test::allocations_of_this_thread() {
    return allocations;
}
