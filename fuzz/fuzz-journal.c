/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The input is a journal; what can be read can be written and read again as the same. */
#include "journal.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (ScJournal) journal = sc_journal_parse (bytes, NULL);
  g_autofree char *text = journal != NULL ? sc_journal_format (journal) : NULL;
  g_autoptr (GBytes) written = text != NULL ? g_bytes_new (text, strlen (text)) : NULL;
  g_autoptr (ScJournal) again = written != NULL ? sc_journal_parse (written, NULL) : NULL;
  g_autofree char *same = again != NULL ? sc_journal_format (again) : NULL;

  g_assert_cmpstr (text, ==, same);
  return 0;
}
