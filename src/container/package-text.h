/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "error.h"

/*
 * What a generated package says of itself, from the labels of its image: text that can be nothing else in a spec or a
 * control file.  Pure.
 */

typedef enum
{
  SC_PACKAGE_TEXT_RPM,
  SC_PACKAGE_TEXT_DEB,
} ScPackageTextKind;

typedef struct
{
  char *name;        /* atomic-container-NAME */
  char *version;     /* atomic.version, made valid; "1.0" */
  char *release;     /* atomic.release, made valid, "1"; ".N" with the number of the deployment */
  char *summary;     /* one line */
  char *description; /* (nullable): one line */
  char *license;     /* one line */
  char *url;         /* (nullable) */
  char *origin;      /* one line that says which container it is of and from which image */
  /* Lists of packages, comma separated in the words of the family; NULL for none. */
  char *requires;
  char *provides;
  char *conflicts;
} ScPackageText;

void sc_package_text_free (ScPackageText *text);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScPackageText, sc_package_text_free)

/* @labels: of the image; @number: of the deployment, negative: none. SC_ERROR_INVALID for a relation that names no
 * package. */
ScPackageText *sc_package_text_new (ScPackageTextKind kind, const char *container, const char *image,
                                    GHashTable *labels, int number, GError **error) SC_CHECK;

/* (transfer full): @text on one line, without control characters and backslashes, at most @max characters. */
char *sc_package_text_line (const char *text, glong max);

/* (transfer full): the spec and the control file. @files: lines of %files; @size: KiB. */
char *sc_package_text_spec (const ScPackageText *text, const char *files);
char *sc_package_text_control (const ScPackageText *text, const char *architecture, guint64 size);

/* (transfer full): @text as it stands in a spec without being a macro. */
char *sc_package_text_escape (const char *text);
