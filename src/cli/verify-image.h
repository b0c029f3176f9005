/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "checkouts.h"
#include "context.h"
#include "progress.h"
#include "verify.h"

typedef enum
{
  SC_SOURCE_NONE, /* it has none that could have a newer one, or nobody was to ask */
  SC_SOURCE_SAME,
  SC_SOURCE_NEWER,
  SC_SOURCE_UNREACHABLE,
} ScSourceState;

typedef struct
{
  ScVerifyReport *report; /* what was found */
  ScVerifyReport *after;  /* (nullable): what is found after the repair */
  guint fetched;          /* layers and configs that were fetched to repair */
  ScSourceState source;
  char *source_text; /* (nullable): digest of the newer one; why it was not reached */
} ScVerified;

void sc_verified_clear (ScVerified *verified);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScVerified, sc_verified_clear)

/* Damages but for those of preinstalled containers, which nobody repairs. */
guint64 sc_verify_damages_left (const ScVerifyReport *report);

typedef struct
{
  gboolean repair;
  gboolean offline;       /* do not ask whether there is a newer one */
  ScCheckouts *checkouts; /* (nullable): of a repair, held; NULL: there are no containers */
} ScVerifySettings;

/**
 * sc_verify_stored_image:
 *
 * @image: (inout): replaced by what is stored after a repair
 *
 * Looks at @image and the containers made of it, repairs them if asked to, and asks the source whether it has a newer
 * one; that the source cannot be reached is only an error where something must be fetched.  @out is filled as far as
 * it came on errors too, but for what came before @out->report.
 */
gboolean sc_verify_stored_image (const ScContext *ctx, ScVerify *verify, ScImage **image,
                                 const ScVerifySettings *settings, const ScProgressSink *sink, ScVerified *out,
                                 GCancellable *cancellable, GError **error) SC_CHECK;
