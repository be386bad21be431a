#include "http/source.h"

#include <utility>

namespace sluice::http {

Source timer(std::chrono::milliseconds delay, std::function<void()> task) {
    using Task = std::function<void()>;
    Source source(g_timeout_source_new(static_cast<guint>(delay.count())));
    g_source_set_callback(
        source.get(),
        [](gpointer data) -> gboolean {
            (*static_cast<Task*>(data))();
            return G_SOURCE_REMOVE;
        },
        std::make_unique<Task>(std::move(task)).release(),
        [](gpointer data) { delete static_cast<Task*>(data); });
    g_source_attach(source.get(), g_main_context_get_thread_default());
    return source;
}

}  // namespace sluice::http
