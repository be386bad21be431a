// Preloaded into Janus 1.1.2 (libnice 0.1.21), which gathers no candidates on loopback, whatever its
// configuration says: getifaddrs() shows the loopback interface alone, as an ordinary one.
#include <cstdlib>
#include <dlfcn.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>

extern "C" int getifaddrs(ifaddrs** list) noexcept {
    static const auto real = reinterpret_cast<int (*)(ifaddrs**)>(dlsym(RTLD_NEXT, "getifaddrs"));
    const int result = real(list);
    // The nodes are one allocation: those that are not wanted stay, and are down.
    for (ifaddrs* i = result == 0 ? *list : nullptr; i; i = i->ifa_next) {
        const bool wanted = i->ifa_flags & IFF_LOOPBACK && i->ifa_addr && i->ifa_addr->sa_family == AF_INET;
        i->ifa_flags &= ~unsigned(wanted ? IFF_LOOPBACK : IFF_UP | IFF_RUNNING);
    }
    return result;
}
