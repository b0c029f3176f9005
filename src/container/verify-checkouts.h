/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "checkouts.h"
#include "verify.h"

/*
 * Are the roots of installed containers what the image is that they were made of?  All deployments count, those that
 * are not live too; preinstalled ones are another system's: they are looked at, and never repaired.
 */

/* Adds a part to @report, which is of @image, for each deployment that was made of it; sets @report->blind instead if
 * more than files of the image is damaged. One that goes while it is looked at is none. */
gboolean sc_verify_checkouts (const ScContext *ctx, ScVerify *verify, const ScImage *image, ScVerifyReport *report,
                              GCancellable *cancellable, GError **error) SC_CHECK;

/**
 * sc_verify_repair_checkouts:
 * @checkouts: held by the caller
 *
 * Puts back what is changed or missing, each file and directory by one rename, and flushes; what was added stays. The
 * objects of @image must be good.
 */
gboolean sc_verify_repair_checkouts (ScCheckouts *checkouts, ScVerify *verify, const ScImage *image,
                                     GCancellable *cancellable, GError **error) SC_CHECK;
