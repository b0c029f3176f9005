/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library to preload: nothing is flushed any more, though every call says so.  test-power.sh must fail with it; it
 * would be of no use otherwise.
 */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int
fsync (int fd)
{
  (void)fd;
  return 0;
}

int
fdatasync (int fd)
{
  (void)fd;
  return 0;
}

int
syncfs (int fd)
{
  (void)fd;
  return 0;
}

void
sync (void)
{
}
