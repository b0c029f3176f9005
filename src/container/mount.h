/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "checkouts.h"
#include "mounts.h"
#include "store.h"
#include "subject.h"

/*
 * Looking at the root of an image or a container: mounted on a directory, read-only, or writable with a layer of its
 * own that goes away.
 */

typedef struct
{
  gboolean live; /* writable */
  ScMountAttributes attributes;
} ScMountOptions;

/* @text (nullable): "ro,noexec": ro, rw (only if @out->live), suid, nosuid, dev, nodev, exec, noexec, the last one of
 * a kind wins; without it read-only unless live, nosuid, nodev. @out: its live is set. SC_ERROR_USAGE. */
gboolean sc_mount_options_parse (const char *text, ScMountOptions *out, GError **error) SC_CHECK;

/**
 * sc_mount:
 * @dir: an existing directory of this system, whatever the root of @ctx is
 *
 * Mounts @subject on @dir: of an image its layers, checked out into a directory of this mount alone; of a container the
 * root of its live deployment.  Cleans up first what earlier mounts left.  On error nothing is mounted.
 *
 * Errors: those of a checkout; SC_ERROR_EXISTS if we have something mounted on @dir; SC_ERROR_UNSUPPORTED where the
 * kernel or the file system cannot do it; G_IO_ERROR_PERMISSION_DENIED.
 */
gboolean sc_mount (const ScContext *ctx, ScStore *store, const ScSubject *subject, const char *dir,
                   const ScMountOptions *options, const ScProgressSink *sink, GCancellable *cancellable,
                   GError **error) SC_CHECK;

/* Takes away what sc_mount() mounted on @dir, and what was written there. Errors: SC_ERROR_NOT_FOUND for anything else,
 * also when somebody has unmounted it otherwise: what was left is then removed all the same; SC_ERROR_BUSY. */
gboolean sc_unmount (const ScContext *ctx, const char *dir, const ScProgressSink *sink, GCancellable *cancellable,
                     GError **error) SC_CHECK;

/* (transfer full) (array zero-terminated=1): directories in @checkouts that mounts left behind which are not there any
 * more: to be removed as they are. What cannot be told is a note, and not one of them. */
char **sc_mounts_find_stale (ScCheckouts *checkouts, const ScProgressSink *sink, GError **error) SC_CHECK;
