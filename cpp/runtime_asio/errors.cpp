#include "runtime_asio/errors.hpp"

#include <cerrno>

namespace jst::runtime_asio {
namespace {

struct Row {
    int number;
    Errc net;
    Errc disk;
};

constexpr Row rows[] = {
    // sockets
    {EAGAIN, Errc::would_block, Errc::would_block},
    {ECONNRESET, Errc::connection_reset, Errc::disk_io},
    {ECONNREFUSED, Errc::connection_refused, Errc::disk_io},
    {ECONNABORTED, Errc::connection_aborted, Errc::disk_io},
    {EPIPE, Errc::broken_pipe, Errc::disk_io},
    {EHOSTUNREACH, Errc::host_unreachable, Errc::disk_io},
    {EHOSTDOWN, Errc::host_unreachable, Errc::disk_io},
    {ENETUNREACH, Errc::network_unreachable, Errc::disk_io},
    {ENETDOWN, Errc::network_unreachable, Errc::disk_io},
    {EADDRINUSE, Errc::address_in_use, Errc::disk_io},
    {EADDRNOTAVAIL, Errc::address_not_available, Errc::disk_io},
    {EAFNOSUPPORT, Errc::address_not_available, Errc::disk_io},
    {ETIMEDOUT, Errc::connect_timeout, Errc::disk_timeout},
    // descriptors and memory
    {EMFILE, Errc::too_many_sockets, Errc::too_many_open},
    {ENFILE, Errc::too_many_sockets, Errc::too_many_open},
    {ENOBUFS, Errc::too_many_sockets, Errc::out_of_memory},
    {ENOMEM, Errc::out_of_memory, Errc::out_of_memory},
    {EBADF, Errc::closed, Errc::bad_handle},
    {EINVAL, Errc::invalid_argument, Errc::invalid_argument},
    // files
    {EACCES, Errc::permission, Errc::permission},
    {EPERM, Errc::permission, Errc::permission},
    {ENOENT, Errc::network_other, Errc::not_found},
    {EEXIST, Errc::network_other, Errc::exists},
    {ENOTDIR, Errc::network_other, Errc::not_directory},
    {EISDIR, Errc::network_other, Errc::is_directory},
    {ENOTEMPTY, Errc::network_other, Errc::not_empty},
    {ELOOP, Errc::network_other, Errc::symlink},
    {ENAMETOOLONG, Errc::network_other, Errc::name_too_long},
    {ENOSPC, Errc::network_other, Errc::disk_full},
    {EDQUOT, Errc::network_other, Errc::disk_quota},
    {EFBIG, Errc::network_other, Errc::file_too_large},
    {EROFS, Errc::network_other, Errc::read_only},
    {EXDEV, Errc::network_other, Errc::cross_device},
    {ENXIO, Errc::network_other, Errc::not_a_file},
    {ENODEV, Errc::network_other, Errc::not_a_file},
};

}  // namespace

Errc net_error(int number) noexcept {
    for (const auto& row : rows)
        if (row.number == number) return row.net;
    return Errc::network_other;
}

Errc disk_error(int number) noexcept {
    for (const auto& row : rows)
        if (row.number == number) return row.disk;
    return Errc::disk_io;
}

}  // namespace jst::runtime_asio
