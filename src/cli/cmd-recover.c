/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recover [NAME...].
 */
#include <unistd.h>

#include "commands.h"
#include "recover.h"

static gboolean
run_recover (ScInvocation *invocation, GError **error)
{
  if (sc_recover (invocation->context, invocation->n_args > 0 ? invocation->args : NULL, invocation->sink,
                  invocation->cancellable, error))
    return TRUE;
  /* Each container's own reason was a note. */
  if (geteuid () != 0 && error != NULL && g_error_matches (*error, SC_ERROR, SC_ERROR_FAILED))
    {
      g_autofree char *message = g_steal_pointer (&(*error)->message);

      (*error)->message = g_strconcat (message, " ('atomic recover' needs root)", NULL);
    }
  return FALSE;
}

const ScCommand sc_cmd_recover = {
  .name = "recover",
  .args = "[NAME...]",
  .max_args = G_MAXUINT,
  .summary = "end changes of containers that were cut short",
  .description =
      "Completes or takes back what a killed command or a power failure left of an install, update, rollback or "
      "uninstall of the containers NAME, or of all: each is then what it was before, or what it was to become. The "
      "next "
      "command that changes a container does the same, and so does atomic-recover.service at boot.",
  .flags = SC_COMMAND_NEEDS_ROOT | SC_COMMAND_TAKES_CONTAINER | SC_COMMAND_TOLERANT,
  .run = run_recover,
};
