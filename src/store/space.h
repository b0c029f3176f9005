/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <ostree.h>

/*
 * Room on the repository's file system.
 */

/* @out: bytes that are free on the file system of @fd. FALSE with errno set if that cannot be told. */
gboolean sc_space_free (int fd, guint64 *out);

/* Bytes that libostree keeps free (core.min-free-space-*), 0 if that cannot be told. */
guint64 sc_space_reserve (OstreeRepo *repo);
