// The worker threads: run what may block or take long, hand it back in batches with one ring of the bell.
//
// Work comes in lanes; an earlier lane goes first. Threads start with the first job, so that an idle engine has none.
// 1. take_ended() is the only way back, on the engine thread; 2. stop() waits for the jobs that run and drops the rest.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime_asio/reactor.hpp"

namespace jst::runtime_asio {

class Crew {
  public:
    class Lane {
      public:
        /// A worker takes up to `most_at_once`, and tells of what ended when nothing waits, or so many have ended.
        explicit Lane(std::size_t most_at_once, std::size_t told_at = 1) noexcept
            : most_at_once_(most_at_once), told_at_(told_at) {}
        Lane(const Lane&) = delete;
        Lane& operator=(const Lane&) = delete;
        /// On a worker. Sets each operation's results; does not throw.
        virtual void work(OpList& batch) noexcept = 0;

      protected:
        ~Lane() = default;

      private:
        friend class Crew;
        std::size_t most_at_once_;
        std::size_t told_at_;
        OpList waiting_;
        OpList ended_;
    };

    Crew(int threads, std::shared_ptr<Bell> bell) : wanted_(threads < 1 ? 1 : threads), bell_(std::move(bell)) {}
    ~Crew() { stop(); }
    void add(Lane& lane) { lanes_.push_back(&lane); }
    /// Empties `jobs`. Where no thread can be made they run here and now.
    void submit(Lane& lane, OpList& jobs);
    OpList take_ended(Lane& lane);
    void stop() noexcept;

  private:
    void start();
    void run();
    Lane* next_lane() noexcept;

    int wanted_;
    std::shared_ptr<Bell> bell_;
    std::vector<Lane*> lanes_;
    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::condition_variable work_;
    std::size_t idle_ = 0;
    bool stopped_ = false;
};

}  // namespace jst::runtime_asio
