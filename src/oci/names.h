/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/*
 * Names that come from outside, for messages and for the store.  Internal to oci.
 */

/* (transfer full): @text on one line: control characters and bytes that are not UTF-8 as \xHH, at most 300
 * bytes of it. */
char *sc_name_escape (const char *text);

/* (transfer full): the first ten of @names (char *, NULL reads "(no name)"), escaped: "a, b and 3 more". */
char *sc_name_list (const GPtrArray *names);

/* (transfer full): "COMPONENT:TAG" of the last component of @path, lower-cased, with "-" for what the grammar of
 * names does not allow, "image" if nothing is left.  @tag: (nullable): NULL: "latest". */
char *sc_name_from_path (const char *path, const char *tag);
