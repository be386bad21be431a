#include "sfuload/media_thread.h"

#include <ctime>
#include <pthread.h>
#include <sched.h>

namespace sluice::load {

using namespace std::chrono_literals;

namespace {

constexpr peer::Loop::Pace kConnecting{.timers = 100us, .reads = 100us};
constexpr peer::Loop::Pace kFlowing{.timers = 1ms, .reads = 5ms};
constexpr int kPriority = 10;

}  // namespace

MediaThread::MediaThread() {
    std::promise<void> ready;
    auto started = ready.get_future();
    thread_ = std::thread(&MediaThread::run, this, std::move(ready));
    started.get();
}

MediaThread::~MediaThread() {
    post([this] { stopping_ = true; });
    thread_.join();
    g_main_context_unref(context_);  // post() uses it until it returns
}

void MediaThread::run(std::promise<void> ready) {
    loop_ = std::make_unique<peer::Loop>();
    loop_->set_pace(kFlowing);
    context_ = g_main_context_ref_thread_default();
    pthread_setname_np(pthread_self(), "media");
    pthread_getcpuclockid(pthread_self(), &cpu_clock_);
    sched_param parameters{};
    parameters.sched_priority = kPriority;
    has_priority_ = pthread_setschedparam(pthread_self(), SCHED_RR, &parameters) == 0;
    ready.set_value();
    while (!loop_->until([this] { return stopping_; }, 1h)) {
    }
    loop_.reset();
}

/// Not g_main_context_invoke(), which may run the task on the caller's thread.
void MediaThread::post(std::function<void()> task) {
    GSource* source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(
        source,
        [](gpointer data) -> gboolean {
            (*static_cast<std::function<void()>*>(data))();
            return G_SOURCE_REMOVE;
        },
        new std::function<void()>(std::move(task)),
        [](gpointer data) { delete static_cast<std::function<void()>*>(data); });
    g_source_attach(source, context_);
    g_source_unref(source);
}

peer::Time MediaThread::cpu_time() const {
    timespec t{};
    clock_gettime(cpu_clock_, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

void MediaThread::set_connecting(bool connecting) {
    connecting_ += connecting ? 1 : -1;
    loop_->set_pace(connecting_ > 0 ? kConnecting : kFlowing);
}

}  // namespace sluice::load
