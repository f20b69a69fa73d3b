// Loaded before all else, it counts what asks for memory, and refuses one.
//
// While it records, each request is looked at: does it come from the engine, in a turn? The world around an engine
// (simulated network and disks, gates, Python) is no engine, and its turns are the only place where a refusal is
// caught.
#include <execinfo.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

enum Kind : std::uint32_t { neutral, engine, world, turn };

struct Range {
    std::uintptr_t begin;
    std::uintptr_t end;
    std::uint32_t kind;
    std::uint32_t number;
};

constexpr int deepest = 48;  // frames; a turn is shallower
constexpr int own_frames = 3;
constexpr int kept = 6;  // innermost functions by which places are told apart

static const Range* ranges = nullptr;
static long range_count = 0;
static bool armed = false;
static bool recording = false;
static bool hit = false;
static long count = 0;
static long refused = 0;
static long* places = nullptr;  // for each found: its number, then functions, innermost first; -1: none
static long found = 0;
static long most = 0;

static const Range* range_of(void* at) {
    const auto address = reinterpret_cast<std::uintptr_t>(at) - 1;
    long low = 0;
    long high = range_count;
    while (low < high) {
        const long middle = (low + high) / 2;
        if (ranges[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < range_count && ranges[low].begin <= address ? &ranges[low] : nullptr;
}

extern "C" {
void know(const Range* all, long n) {
    ranges = all;
    range_count = n;
    void* frames[4];
    backtrace(frames, 4);  // takes memory the first time
}
void record(long* out, long n) {
    places = out;
    most = n;
    found = count = 0;
    recording = armed = true;
}
void refuse(long nth) {
    refused = nth;
    count = 0;
    recording = hit = false;
    armed = true;
}
long halt() {
    armed = false;
    return found;
}
long was_refused() { return hit ? 1 : 0; }
}

static void __attribute__((noinline)) note() {
    void* stack[deepest];
    const int n = backtrace(stack, deepest);
    long functions[kept];
    int named = 0;
    std::uint32_t whose = neutral;
    for (int i = own_frames; i < n; ++i) {
        const Range* const range = range_of(stack[i]);
        if (range == nullptr) continue;
        if (range->kind == turn) {
            if (whose != engine || found == most) return;
            long* const row = places + found++ * (kept + 1);
            row[0] = count;
            for (int k = 0; k < kept; ++k) row[k + 1] = k < named ? functions[k] : -1;
            return;
        }
        if (whose == neutral) whose = range->kind;
        if (whose == world) return;
        if (named < kept) functions[named++] = range->number;
    }
}

static void* __attribute__((noinline)) take(std::size_t n) {
    if (armed) {
        ++count;
        armed = false;
        if (recording) {
            note();
        } else if (count == refused) {
            hit = true;
            throw std::bad_alloc();
        }
        armed = true;
    }
    if (void* const memory = std::malloc(n != 0 ? n : 1)) return memory;
    throw std::bad_alloc();
}

void* operator new(std::size_t n) {
    void* const memory = take(n);
    asm volatile("" ::: "memory");  // a frame of its own, so that own_frames is right
    return memory;
}
void* operator new[](std::size_t n) {
    void* const memory = take(n);
    asm volatile("" ::: "memory");
    return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
