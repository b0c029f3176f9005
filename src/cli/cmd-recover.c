/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recover [NAME...].
 */
#include "commands.h"
#include "recover.h"

static gboolean
run_recover (ScInvocation *invocation, GError **error)
{
  return sc_recover (invocation->context, invocation->n_args > 0 ? invocation->args : NULL, invocation->sink,
                     invocation->cancellable, error);
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
  .flags = SC_COMMAND_NEEDS_ROOT | SC_COMMAND_TAKES_CONTAINER,
  .run = run_recover,
};
