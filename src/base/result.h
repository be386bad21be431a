#pragma once

#include <cassert>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>

namespace sluice {

/// What went wrong, in terms the REST caller can act on. Only http/ turns these into status codes.
enum class ErrorCode {
    InvalidArgument,  ///< Malformed: 400.
    NotFound,         ///< 404.
    AlreadyExists,    ///< 409.
    WrongState,       ///< 409.
    Unacceptable,     ///< Well-formed, but cannot be taken as it is (an SDP without a common codec...): 422.
    LimitReached,     ///< A limit of the configuration, or draining: 503.
    Timeout,          ///< A step did not finish in its time: 504.
    NotInstalled,     ///< The machine lacks a program that it takes: 501.
    Internal          ///< Ours: 500.
};

struct Error {
    ErrorCode code;
    std::string message;     ///< One English sentence that names the offending value.
    std::string field = {};  ///< JSON path such as "codecs[1].clockRate"; empty when no field is at fault.
};

/// A value or an Error. The names are std::expected's, so that one alias can replace it later.
template <typename T>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    bool has_value() const { return state_.index() == 0; }
    explicit operator bool() const { return has_value(); }

    T& value() & {
        assert(has_value());
        return *std::get_if<0>(&state_);
    }
    T&& value() && { return std::move(value()); }
    const Error& error() const {
        assert(!has_value());
        return *std::get_if<1>(&state_);
    }
    const T& value() const& {
        assert(has_value());
        return *std::get_if<0>(&state_);
    }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }

private:
    std::variant<T, Error> state_;
};

struct Ok {};
using Status = Result<Ok>;

/// The answer to an asynchronous call: owed exactly once. Calling it twice is a bug (asserted);
/// letting the last copy go without calling it answers Internal, so no request waits for ever.
template <typename T>
class Done {
public:
    /// `wanted` says whether somebody waits for the answer; without it somebody always does.
    Done(std::function<void(Result<T>)> answer, std::function<bool()> wanted = nullptr)
        : state_(std::make_shared<State>(std::move(answer), std::move(wanted))) {}

    /// False: whoever asked has been told that there was no answer, and what has not begun must not begin.
    bool wanted() const { return !state_->wanted || state_->wanted(); }

    // Inlined where the result is built, g++ 12 warns that the other alternative's members are uninitialized.
    [[gnu::noinline]] void operator()(Result<T> result) const {
        auto answer = std::exchange(state_->answer, nullptr);
        assert(answer);
        if (answer)
            answer(std::move(result));
    }

private:
    struct State {
        State(std::function<void(Result<T>)> f, std::function<bool()> w)
            : answer(std::move(f)), wanted(std::move(w)) {}
        State(const State&) = delete;
        State& operator=(const State&) = delete;
        ~State() {
            if (answer)
                answer(Error{ErrorCode::Internal, "the operation was dropped without an answer"});
        }
        std::function<void(Result<T>)> answer;
        const std::function<bool()> wanted;
    };
    std::shared_ptr<State> state_;
};

}  // namespace sluice
