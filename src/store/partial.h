/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <ostree.h>

#include "model.h"

/*
 * The compressed bytes of layers that are on their way, in files below <repository>/tmp/atomic-partial: what a killed
 * pull leaves is the beginning of what the next one needs.  Nothing is flushed, so after a power failure a file may
 * hold anything: the bytes are worth something only because whoever reads them checks the layer's digest.
 *
 * Keeping is never a reason to fail: whatever goes wrong here means that a layer is not kept.
 */

/* Their directory, in the repository's tmp/. */
#define SC_PARTIALS_NAME "atomic-partial"

typedef struct _ScPartials ScPartials;
typedef struct _ScPartial ScPartial;

/* The layers of one pull; nothing is created yet. One thread. */
ScPartials *sc_partials_new (OstreeRepo *repo);
/* Removes the files of this pull, and the directory if that was the last. */
void sc_partials_free (ScPartials *partials);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScPartials, sc_partials_free)

/**
 * sc_partials_get:
 *
 * The file of @layer, opened the first time, and locked until the end: two pulls of one layer do not share a file.
 *
 * Returns: (transfer none) (nullable): NULL: not kept (another pull has it, no room, no permission).
 */
ScPartial *sc_partials_get (ScPartials *partials, const ScDescriptor *layer);

/* The same, but nothing is opened: NULL also if it was not asked for before. */
ScPartial *sc_partials_find (ScPartials *partials, const ScDescriptor *layer);

/* Removes the files now, for what they held is in the repository or of no use; nothing is kept any more. */
void sc_partials_drop (ScPartials *partials);

/* Bytes of all files. */
guint64 sc_partials_size (const ScPartials *partials);

/* Removes what nobody has used for a day; files that are in use stay.  What cannot be removed stays, too. */
void sc_partials_clean (OstreeRepo *repo);

/* Bytes kept; and how many of them an earlier pull has left. */
guint64 sc_partial_size (const ScPartial *partial);
guint64 sc_partial_inherited (const ScPartial *partial);

/* FALSE: there is no room beside what the repository keeps free; what was there before is still there. */
gboolean sc_partial_append (ScPartial *partial, const void *data, gsize size) SC_CHECK;

/* From @offset on; 0 at the end. May be called while another thread appends. */
gssize sc_partial_read (const ScPartial *partial, guint64 offset, void *buffer, gsize size, GError **error) SC_CHECK;

/* Gives the room of the bytes back; what an earlier pull has left of them may have been used, so that is not forgotten.
 */
void sc_partial_truncate (ScPartial *partial);

/* The same, and none of what is kept from now on is of an earlier pull. */
void sc_partial_reset (ScPartial *partial);
